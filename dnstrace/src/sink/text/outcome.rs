//! How a transaction ended, in words.

use std::time::Duration;

use super::answer;
use super::point::{UNKNOWN, process, push_place};
use super::signs;
use crate::capture::{Direction, Hook, Point, Socket};
use crate::join::{MessageCopy, Outcome, Transaction};
use crate::owner::Interfaces;
use crate::rules::path::Leg;
use crate::sink::message::{asked, is_cut, records};
use crate::sink::palette::paint;
use crate::sink::{Names, Palette, iana, time};

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;

/// Appends the outcome in its style; returns how many characters it has.
pub(super) fn push(line: &mut String, transaction: &Transaction, timeout: Duration, palette: &Palette) -> usize {
    match (transaction.outcome, &transaction.response) {
        (Outcome::NoResponse, _) => paint(line, palette.bad, |line| {
            line.push_str("no response in ");
            line.push_str(&time::limit(timeout));
        }),
        (_, Some(response)) => push_answered(line, transaction, response, palette),
        (_, None) => paint(line, palette.warn, |line| line.push_str("still outstanding")),
    }
}

fn push_answered(line: &mut String, transaction: &Transaction, response: &MessageCopy, palette: &Palette) -> usize {
    let qtype = asked(transaction).map(|asked| asked.qtype);
    let records = records(response);
    let code = records.rcode(&response.header);
    let style = match code {
        _ if transaction.lost_by.is_some() => palette.bad,
        NOERROR => palette.good,
        NXDOMAIN => palette.warn,
        _ => palette.bad,
    };
    paint(line, style, |line| {
        line.push_str(&iana::rcode(code));
        answer::push_short(line, response, &records, qtype);
    })
}

/// What else there is to say, most important first.
pub(super) fn remarks(transaction: &Transaction, names: &Names) -> Vec<String> {
    let mut remarks = signs::remarks(transaction);
    match (transaction.outcome, transaction.late_for) {
        (Outcome::NoResponse | Outcome::Outstanding, _) => remarks.extend(lost(transaction, names)),
        (Outcome::Answered, _) if transaction.lost_by.is_some() => {
            let leg = names.verdict.leg.map(|leg| format!(" ({})", leg.words())).unwrap_or_default();
            remarks.push(format!("response lost{leg}"));
        }
        (Outcome::Unsolicited, Some(_)) => remarks.push("late response".to_owned()),
        (Outcome::Unsolicited, None) => remarks.push("response without query".to_owned()),
        _ => {}
    }
    if transaction.response.as_ref().is_some_and(|response| response.header.truncated()) {
        remarks.push("truncated".to_owned());
    }
    remarks.extend(plural(transaction.attempts.len().saturating_sub(1), "retransmission"));
    remarks.extend(plural(transaction.duplicate_responses.into(), "further response"));
    if [&transaction.query, &transaction.response].into_iter().flatten().any(is_cut) {
        remarks.push("captured in part".to_owned());
    }
    remarks
}

/// `last seen leaving vdns (node → server)`; `None` where nobody knows.
fn lost(transaction: &Transaction, names: &Names) -> Option<String> {
    let last = transaction.path.last()?;
    let place = last_seen(last.point, &transaction.server_socket, &names.interfaces);
    let leg = names.verdict.leg.map(Leg::words);
    match (place == NOT_TOLD, leg) {
        (false, Some(leg)) => Some(format!("{place} ({leg})")),
        (false, None) => Some(place),
        (true, _) => None,
    }
}

/// Of a file that does not say where its packets were seen.
const NOT_TOLD: &str = "last seen where the file does not say";

/// `last seen leaving vdns`: where to look for what swallowed the query. The responder's socket is `server`.
pub(in crate::sink) fn last_seen(point: Point, server: &Socket, interfaces: &Interfaces) -> String {
    let mut at = String::new();
    push_place(&mut at, point, interfaces);
    match (point.hook, point.direction) {
        (Hook::Drop, _) => format!("dropped at {at}"),
        (Hook::Device, Direction::Out) => format!("last seen leaving {at}"),
        (Hook::Device, Direction::In) => format!("last seen entering {at}"),
        (_, Direction::Unknown) if at == UNKNOWN => NOT_TOLD.to_owned(),
        (_, Direction::Unknown) => format!("last seen at {at}"),
        (Hook::Socket, Direction::Out) => "last seen leaving the client's socket".to_owned(),
        (Hook::Socket, Direction::In) => match process(server) {
            Some(server) => format!("reached {server}"),
            None => "reached the server's socket".to_owned(),
        },
    }
}

fn plural(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    }
}
