//! What happened to a transaction's packets, in words.

use std::fmt::Write;

use crate::capture::BootTime;
use crate::join::{Event, MessageKind, Sign, Transaction};
use crate::sink::{escape, icmp};

/// `dropped NETFILTER_DROP at nft_do_chain`, `ICMP port unreachable from 10.244.0.1`: each once, however many sendings
/// and points it was seen at.
pub(super) fn remarks(transaction: &Transaction) -> Vec<String> {
    let mut remarks = Vec::new();
    for sign in &transaction.signs {
        let words = match sign.message {
            MessageKind::Query => words(&sign.event),
            MessageKind::Response => format!("response: {}", words(&sign.event)),
        };
        if !remarks.contains(&words) {
            remarks.push(words);
        }
    }
    remarks
}

/// What happened.
pub(super) fn words(event: &Event) -> String {
    match event {
        Event::Dropped { reason, location } => {
            let mut text = format!("dropped {}", escape::printable(reason.as_bytes()));
            if !location.is_empty() {
                // Writing to a `String` cannot fail.
                let _ = write!(text, " at {}", escape::printable(location.as_bytes()));
            }
            text
        }
        Event::Rejected { by, kind, code } => format!("ICMP {} from {by}", icmp::error(*by, *kind, *code)),
    }
}

/// The signs between two times of a path.
pub(super) fn between(signs: &[Sign], after: BootTime, until: BootTime) -> impl Iterator<Item = &Sign> {
    signs.iter().filter(move |sign| sign.time >= after && sign.time < until)
}
