//! One transaction on one line, or on two where lines are short: when, who asked whom, what, how it ended, how long it
//! took, which way it went.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::outcome::{outcome, remarks};
use super::point::{UNKNOWN, place, process};
use super::{Layout, Text, end_line};
use crate::decode::Transport;
use crate::join::{Hop, MessageKind, Transaction};
use crate::owner::Interfaces;
use crate::sink::escape::Padded;
use crate::sink::message::asked;
use crate::sink::palette::Painted;
use crate::sink::{Numbered, iana, time};

/// The port that needs no mention.
const DNS_PORT: u16 = 53;
/// `AAAA`, and most others.
const TYPE_WIDTH: usize = 5;
/// `99.9 ms` and `412 ms`.
const TIME_WIDTH: usize = 7;

pub(super) fn write(text: &mut Text, numbered: &Numbered<Transaction>, out: &mut Vec<u8>) -> io::Result<()> {
    let time = Painted(time::time_of_day(numbered.record.wall), text.options.palette.dim);
    write!(out, "{time}  ")?;
    match text.options.layout {
        Layout::OneLine => one_line(text, numbered, out)?,
        Layout::TwoLines => two_lines(text, numbered, out)?,
    }
    write!(out, "{}", Painted(way(&numbered.record.path, &numbered.interfaces), text.options.palette.dim))?;
    end_line(out)
}

/// Who, what, how it ended, how long it took.
fn one_line(text: &mut Text, numbered: &Numbered<Transaction>, out: &mut Vec<u8>) -> io::Result<()> {
    let transaction = &numbered.record;
    let who = who(transaction);
    write!(out, "{who}{}  ", text.columns.who.blanks(&who))?;
    write_question(text, transaction, out)?;
    let (outcome, style) = outcome(transaction, text.options.query_timeout, &text.options.palette);
    write!(out, "{}{}  ", Painted(&outcome, style), text.columns.outcome.blanks(&outcome))?;
    write!(out, "{}  ", took(transaction))?;
    write_remarks(text, numbered, out)
}

/// What, how long it took, how it ended; below it, who.
fn two_lines(text: &mut Text, numbered: &Numbered<Transaction>, out: &mut Vec<u8>) -> io::Result<()> {
    let transaction = &numbered.record;
    write_question(text, transaction, out)?;
    let (outcome, style) = outcome(transaction, text.options.query_timeout, &text.options.palette);
    write!(out, "{}  {}  ", took(transaction), Painted(&outcome, style))?;
    write_remarks(text, numbered, out)?;
    end_line(out)?;
    write!(out, "    {}  ", who(transaction))
}

fn write_remarks(text: &mut Text, numbered: &Numbered<Transaction>, out: &mut Vec<u8>) -> io::Result<()> {
    let transaction = &numbered.record;
    let mut remarks = remarks(transaction, &numbered.interfaces).into_iter().chain(text.causes.remarks(transaction));
    remarks.try_for_each(|remark| write!(out, "{}  ", Painted(remark, text.options.palette.warn)))
}

fn write_question(text: &mut Text, transaction: &Transaction, out: &mut Vec<u8>) -> io::Result<()> {
    let (qtype, name) = question(transaction);
    let (qtype, painted) = (Padded(&qtype, TYPE_WIDTH), Painted(&name, text.options.palette.bold));
    write!(out, "{qtype} {painted}{}  ", text.columns.name.blanks(&name))
}

fn took(transaction: &Transaction) -> String {
    let took = transaction.response_time.map(time::duration).unwrap_or_default();
    format!("{}{took}", Padded("", TIME_WIDTH.saturating_sub(took.chars().count())))
}

/// `10.244.0.10 curl[2211] → 10.96.0.10 (→ 10.244.0.53)`.
fn who(transaction: &Transaction) -> String {
    let mut who = transaction.client.ip().to_string();
    if let Some(process) = process(&transaction.client_socket) {
        who = format!("{who} {process}");
    }
    who = format!("{who} → {}", server(transaction.server));
    if let Some(after) = transaction.server_after_nat {
        who = format!("{who} (→ {})", server(after));
    }
    if transaction.transport == Transport::Tcp {
        who.push_str(" TCP");
    }
    who
}

fn server(address: SocketAddr) -> String {
    if address.port() == DNS_PORT { address.ip().to_string() } else { address.to_string() }
}

fn question(transaction: &Transaction) -> (String, String) {
    let Some(asked) = asked(transaction) else { return ("-".to_owned(), "(no question)".to_owned()) };
    // Nearly everything is of class IN.
    let class = if asked.qclass == 1 { String::new() } else { format!("{} ", iana::class(asked.qclass)) };
    let opcode = transaction.query.as_ref().map_or(0, |query| query.header.opcode());
    let opcode = if opcode == 0 { String::new() } else { format!("{} ", iana::opcode(opcode.into())) };
    (format!("{opcode}{class}{}", iana::record_type(asked.qtype)), asked.name)
}

/// The way of the query's last sending, or of the response where no query was seen: interfaces in order, both ends of
/// one folded into one.
fn way(path: &[Hop], interfaces: &Interfaces) -> String {
    let last = |kind: MessageKind| path.iter().rfind(|hop| hop.message == kind).map(|hop| (kind, hop.attempt));
    let Some((kind, attempt)) = last(MessageKind::Query).or_else(|| last(MessageKind::Response)) else {
        return String::new();
    };
    let hops = path.iter().filter(|hop| (hop.message, hop.attempt) == (kind, attempt));
    let mut places: Vec<String> = hops.map(|hop| place(hop.point, interfaces)).collect();
    places.dedup();
    if places == [UNKNOWN] {
        return String::new();
    }
    places.join(" ▸ ")
}
