//! What a finding rests on: a transaction, and what became of it in words.

use super::case::{Case, SLOW};
use super::finding::Evidence;
use crate::decode::{iana, icmp_name};
use crate::join::{Event, Outcome};

impl Evidence {
    /// Of a transaction.
    pub(super) fn of(case: &Case) -> Self {
        let question = case.asked.as_ref().map(|asked| (asked.name.clone(), asked.qtype));
        Self { transaction: case.id, wall: case.wall, question, fate: fate(case) }
    }
}

/// What became of a transaction, in words.
fn fate(case: &Case) -> String {
    let sign = case.signs.first().map(|sign| match &sign.event {
        Event::Dropped { reason, location } if location.is_empty() => format!("dropped: {reason}"),
        Event::Dropped { reason, location } => format!("dropped: {reason} at {location}"),
        Event::Rejected { by, kind, code } => format!("{by} says {}", icmp_name::error(*by, *kind, *code)),
    });
    let end = match case.outcome {
        Outcome::Answered | Outcome::Unsolicited => {
            let lost = if case.is_response_lost() { " lost on its way back" } else { "" };
            case.answer.as_ref().map(|answer| format!("{}{lost}{}", iana::rcode(answer.rcode), slow(case)))
        }
        Outcome::NoResponse => Some("no response".to_owned()),
        Outcome::Outstanding => Some("no response yet".to_owned()),
    };
    end.into_iter().chain(sign).collect::<Vec<_>>().join(", ")
}

/// ` after 312 ms, 311 ms of it at the server's socket`; nothing of what was fast.
fn slow(case: &Case) -> String {
    let Some(time) = case.response_time.filter(|time| *time >= SLOW) else { return String::new() };
    let at_server =
        case.server_response_time.map(|time| format!(", {} ms of it at the server's socket", time.as_millis()));
    let asked = (case.caused() != 0).then_some(", which asked others");
    format!(" after {} ms{}{}", time.as_millis(), at_server.unwrap_or_default(), asked.unwrap_or_default())
}
