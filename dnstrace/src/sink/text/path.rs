//! The hops of a transaction, a line each: when, where, which message, and what NAT changed.

use std::fmt::{self, Write};
use std::net::SocketAddr;

use anstyle::Style;

use super::point::{netns, push_sighted};
use super::{end_line, signs};
use crate::capture::BootTime;
use crate::join::{Hop, MessageKind, Transaction};
use crate::owner::Interfaces;
use crate::sink::escape::Padded;
use crate::sink::palette::Painted;
use crate::sink::{Numbered, Palette};

pub(super) fn write(palette: &Palette, numbered: &Numbered<Transaction>, out: &mut String) -> fmt::Result {
    let (transaction, interfaces) = (&*numbered.record, &*numbered.names.interfaces);
    let widths = Widths::new(&transaction.path, interfaces);
    let mut told = BootTime(0);
    for (at, hop) in transaction.path.iter().enumerate() {
        write_signs(palette, numbered, (told, hop.time), out)?;
        told = told.max(hop.time);
        let before = transaction.path[..at].iter().rfind(|before| before.message == hop.message);
        write!(out, "  {:>SINCE_WIDTH$}  ", since(hop.time, transaction))?;
        write!(out, "{}  {}  ", message(hop.message), Padded(&sighted(hop, interfaces), widths.place))?;
        addresses(hop, before, &widths, palette, out)?;
        remarks(hop, before, palette, out)?;
        write!(out, "{}", Painted(netns(hop.point, interfaces), palette.dim))?;
        end_line(out);
    }
    if transaction.path_cut != 0 {
        writeln!(out, "    and {} more", transaction.path_cut)?;
    }
    write_signs(palette, numbered, (told, BootTime(u64::MAX)), out)
}

/// What happened to the packets from one time up to another, where it was seen.
fn write_signs(
    palette: &Palette,
    numbered: &Numbered<Transaction>,
    (after, until): (BootTime, BootTime),
    out: &mut String,
) -> fmt::Result {
    let (transaction, interfaces) = (&*numbered.record, &*numbered.names.interfaces);
    for sign in signs::between(&transaction.signs, after, until) {
        let mut place = String::new();
        push_sighted(&mut place, sign.point, interfaces);
        write!(out, "  {:>SINCE_WIDTH$}  {}  ", since(sign.time, transaction), message(sign.message))?;
        write!(out, "{}  at {place}", Painted(signs::words(&sign.event), palette.bad))?;
        write!(out, "{}", Painted(netns(sign.point, interfaces), palette.dim))?;
        end_line(out);
    }
    Ok(())
}

/// `+5000.123 ms`.
const SINCE_WIDTH: usize = 12;

/// Of the columns of one transaction's hops.
struct Widths {
    place: usize,
    src: usize,
    dst: usize,
}

impl Widths {
    fn new(path: &[Hop], interfaces: &Interfaces) -> Self {
        let widest = |width: &dyn Fn(&Hop) -> usize| path.iter().map(width).max().unwrap_or(0);
        Self {
            place: widest(&|hop| sighted(hop, interfaces).chars().count()),
            src: widest(&|hop| hop.src.to_string().len()),
            dst: widest(&|hop| hop.dst.to_string().len()),
        }
    }
}

fn sighted(hop: &Hop, interfaces: &Interfaces) -> String {
    let mut text = String::new();
    push_sighted(&mut text, hop.point, interfaces);
    text
}

/// `+0.012 ms` after the transaction began.
fn since(time: BootTime, transaction: &Transaction) -> String {
    let micros = time.since(transaction.time).as_micros();
    format!("+{}.{:03} ms", micros / 1_000, micros % 1_000)
}

fn message(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Query => "query   ",
        MessageKind::Response => "response",
    }
}

fn addresses(hop: &Hop, before: Option<&Hop>, widths: &Widths, palette: &Palette, out: &mut String) -> fmt::Result {
    let style = |changed: bool| if changed { palette.warn } else { Style::new() };
    let src_style = style(before.is_some_and(|before| before.src != hop.src));
    let dst_style = style(before.is_some_and(|before| before.dst != hop.dst));
    let (src, dst) = (hop.src.to_string(), hop.dst.to_string());
    write!(out, "{} → ", Painted(Padded(&src, widths.src), src_style))?;
    write!(out, "{}", Painted(Padded(&dst, widths.dst), dst_style))
}

fn remarks(hop: &Hop, before: Option<&Hop>, palette: &Palette, out: &mut String) -> fmt::Result {
    if let Some(before) = before {
        let was = [
            was(before.src, hop.src).map(|src| format!("{src} →")),
            was(before.dst, hop.dst).map(|dst| format!("→ {dst}")),
        ];
        for was in was.into_iter().flatten() {
            write!(out, "  {}", Painted(format!("NAT, was {was}"), palette.warn))?;
        }
    }
    if hop.message == MessageKind::Query && hop.attempt != 0 {
        write!(out, "  {}", Painted(format!("retransmission {}", hop.attempt), palette.warn))?;
    }
    match hop.vlan {
        Some(vlan) => write!(out, "  VLAN {vlan}"),
        None => Ok(()),
    }
}

/// What an address was before, without what it still is. Colour alone would not survive a pipe.
fn was(from: SocketAddr, to: SocketAddr) -> Option<String> {
    match (from.ip() == to.ip(), from.port() == to.port()) {
        (true, true) => None,
        (false, true) => Some(from.ip().to_string()),
        (_, false) => Some(from.to_string()),
    }
}
