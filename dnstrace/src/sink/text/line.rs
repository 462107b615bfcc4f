//! One transaction on one line, or on two where lines are short: when, who asked whom, what, how it ended, how long it
//! took, which way it went.

use std::net::SocketAddr;

use super::outcome::{self, remarks};
use super::point::{UNKNOWN, process, push_place};
use super::{Layout, Text, end_line, push_blanks};
use crate::decode::presentation::{push_ip, push_number, push_socket_address};
use crate::decode::{Question, Transport};
use crate::join::{Hop, MessageKind, Transaction};
use crate::owner::{Interfaces, Party, Who};
use crate::sink::message::{asked, push_name};
use crate::sink::palette::paint;
use crate::sink::{Numbered, iana, owner, time};

/// The port that needs no mention.
const DNS_PORT: u16 = 53;
/// `AAAA`, and most others.
const TYPE_WIDTH: usize = 5;
/// `99.9 ms` and `412 ms`.
const TIME_WIDTH: usize = 7;
/// Between parts.
const GAP: &str = "  ";
/// Below the first line of a transaction,
const INDENT: &str = "    ";
/// and where that is broken.
const BREAK: &str = "\n      ";
/// From who asks to who is asked.
const ARROW: &str = " → ";
/// Between the points of a way.
const STEP: &str = " ▸ ";

pub(super) fn write(text: &mut Text, numbered: &Numbered<Transaction>, line: &mut String) {
    let palette = text.options.palette;
    paint(line, palette.dim, |line| time::push_time_of_day(line, numbered.record.wall));
    line.push_str(GAP);
    match text.options.layout {
        Layout::OneLine => one_line(text, numbered, line),
        Layout::Below { columns } => below(text, numbered, columns, line),
    }
    end_line(line);
}

/// Who, what, how it ended, how long it took, which way.
fn one_line(text: &mut Text, numbered: &Numbered<Transaction>, line: &mut String) {
    let transaction = &*numbered.record;
    text.columns.who.fill(line, |line| WHO.into_iter().for_each(|push| push(line, transaction, &numbered.names.who)));
    push_question(text, transaction, line);
    let options = &text.options;
    let width = outcome::push(line, transaction, options.query_timeout, &options.palette);
    text.columns.outcome.fill_from(line, width);
    push_took(line, transaction);
    push_remarks(text, numbered, line);
    paint(line, text.options.palette.dim, |line| push_way(line, &transaction.path, &numbered.names.interfaces));
}

/// What, how long it took, how it ended; below it, who and which way, broken where a line is full.
fn below(text: &mut Text, numbered: &Numbered<Transaction>, columns: usize, line: &mut String) {
    let transaction = &*numbered.record;
    push_question(text, transaction, line);
    push_took(line, transaction);
    outcome::push(line, transaction, text.options.query_timeout, &text.options.palette);
    line.push_str(GAP);
    push_remarks(text, numbered, line);
    end_line(line);
    line.push_str(INDENT);
    let mut broken = Broken { width: INDENT.len(), columns };
    for push in WHO {
        broken.push(line, |line| push(line, transaction, &numbered.names.who));
    }
    let palette = text.options.palette;
    let mut way = String::new();
    push_way(&mut way, &transaction.path, &numbered.names.interfaces);
    for (at, step) in way.split_inclusive(STEP).enumerate() {
        let gap = if at == 0 { GAP } else { "" };
        broken.push(line, |line| {
            line.push_str(gap);
            paint(line, palette.dim, |line| line.push_str(step));
        });
    }
}

/// Text of parts, broken before one that does not fit.
struct Broken {
    /// Of the line so far.
    width: usize,
    columns: usize,
}

impl Broken {
    fn push(&mut self, line: &mut String, write: impl FnOnce(&mut String)) {
        let begin = line.len();
        write(line);
        // Blanks at the end may hang over.
        let written = anstream::adapter::strip_str(&line[begin..]).to_string();
        let (length, visible) = (written.chars().count(), written.trim_end().chars().count());
        self.width += length;
        if self.width - (length - visible) > self.columns && begin > 0 {
            let blanks = line[begin..].len() - line[begin..].trim_start().len();
            line.replace_range(begin..begin + blanks, BREAK);
            self.width = BREAK.len() - 1 + length - blanks;
        }
    }
}

fn push_remarks(text: &mut Text, numbered: &Numbered<Transaction>, line: &mut String) {
    let transaction = &*numbered.record;
    for id in &numbered.names.verdict.findings {
        paint(line, text.options.palette.bad, |line| line.push_str(id));
        line.push_str(GAP);
    }
    for remark in remarks(transaction, &numbered.names).into_iter().chain(text.causes.remarks(transaction)) {
        paint(line, text.options.palette.warn, |line| line.push_str(&remark));
        line.push_str(GAP);
    }
}

fn push_question(text: &mut Text, transaction: &Transaction, line: &mut String) {
    let asked = asked(transaction);
    let begin = line.len();
    match &asked {
        Some(asked) => push_type(line, transaction, asked),
        None => line.push('-'),
    }
    push_blanks(line, (TYPE_WIDTH + 1).saturating_sub(line.len() - begin).max(1));
    let width = paint(line, text.options.palette.bold, |line| match &asked {
        Some(asked) => push_name(asked, line),
        None => line.push_str("(no question)"),
    });
    text.columns.name.fill_from(line, width);
}

/// Opcode and class where they are not what nearly everything has: QUERY and IN.
fn push_type(line: &mut String, transaction: &Transaction, asked: &Question<'_>) {
    let opcode = transaction.query.as_ref().map_or(0, |query| query.header.opcode());
    if opcode != 0 {
        line.push_str(&iana::opcode(opcode.into()));
        line.push(' ');
    }
    if asked.qclass != 1 {
        line.push_str(&iana::class(asked.qclass));
        line.push(' ');
    }
    line.push_str(&iana::record_type(asked.qtype));
}

fn push_took(line: &mut String, transaction: &Transaction) {
    let begin = line.len();
    if let Some(took) = transaction.response_time {
        time::push_duration(line, took);
    }
    // To the right: what stands there moves by a few bytes.
    for _ in line[begin..].chars().count()..TIME_WIDTH {
        line.insert(begin, ' ');
    }
    line.push_str(GAP);
}

type Push = fn(&mut String, &Transaction, &Who);

/// `10.244.0.10 curl[2211]`, ` → 10.96.0.10`, ` → 10.244.0.53`; or
/// `shop/web-7d9c (nginx) curl[2211]`, ` → svc kube-system/kube-dns`, ` → kube-system/coredns-x`.
const WHO: [Push; 3] = [push_asking, push_asked, push_behind];

fn push_asking(line: &mut String, transaction: &Transaction, who: &Who) {
    match &who.client {
        // A node has many addresses: the one that it used says more.
        Some(Party::Node { unit: None, .. }) | None => push_ip(line, transaction.client.ip()),
        Some(client) => line.push_str(&owner::party(client)),
    }
    if let Some(process) = process(&transaction.client_socket) {
        line.push(' ');
        line.push_str(&process);
    }
}

fn push_asked(line: &mut String, transaction: &Transaction, who: &Who) {
    line.push_str(ARROW);
    let behind = transaction.server_after_nat;
    match (&who.service, owner::server(who)) {
        (Some(service), _) => {
            line.push_str(&owner::service(service));
            push_port(line, transaction.server);
        }
        (None, Some(server)) if behind.is_none() => {
            line.push_str(&server);
            push_port(line, transaction.server);
        }
        (None, _) => push_server(line, transaction.server),
    }
    if behind.is_none() {
        push_transport(line, transaction);
    }
}

fn push_behind(line: &mut String, transaction: &Transaction, who: &Who) {
    let Some(behind) = transaction.server_after_nat else { return };
    line.push_str(ARROW);
    match owner::server(who) {
        Some(server) => line.push_str(&server),
        None => push_server(line, behind),
    }
    push_transport(line, transaction);
}

fn push_transport(line: &mut String, transaction: &Transaction) {
    if transaction.transport == Transport::Tcp {
        line.push_str(" TCP");
    }
}

/// Nothing for the port that every server has.
fn push_port(line: &mut String, address: SocketAddr) {
    if address.port() != DNS_PORT {
        line.push(':');
        push_number(line, address.port().into(), 1);
    }
}

fn push_server(line: &mut String, address: SocketAddr) {
    if address.port() == DNS_PORT { push_ip(line, address.ip()) } else { push_socket_address(line, address) }
}

/// The way of the query's last sending, or of the response where no query was seen: interfaces in order, both ends of
/// one folded into one.
fn push_way(line: &mut String, path: &[Hop], interfaces: &Interfaces) {
    let last = |kind: MessageKind| path.iter().rfind(|hop| hop.message == kind).map(|hop| (kind, hop.attempt));
    let Some(of) = last(MessageKind::Query).or_else(|| last(MessageKind::Response)) else { return };
    let begin = line.len();
    let mut before = begin..begin;
    for hop in path.iter().filter(|hop| (hop.message, hop.attempt) == of) {
        let end = line.len();
        line.push_str(if end == begin { "" } else { STEP });
        let place = line.len();
        push_place(line, hop.point, interfaces);
        if line[place..] == line[before.clone()] {
            line.truncate(end);
        } else {
            before = place..line.len();
        }
    }
    if line[begin..] == *UNKNOWN {
        line.truncate(begin);
    }
}
