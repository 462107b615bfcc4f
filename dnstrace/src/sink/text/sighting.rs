//! One sighting on one line: when, where, who to whom, which message.

use super::point::{netns, process, push_sighted};
use super::{Text, end_line, push_blanks};
use crate::decode::Transport;
use crate::decode::presentation::{push_number, push_socket_address};
use crate::sink::message::mark;
use crate::sink::message::{is_cut, push_name, question};
use crate::sink::palette::paint;
use crate::sink::{Numbered, Palette, Sighting, iana, time};

/// A message ID's digits.
const ID_WIDTH: usize = 5;

pub(super) fn write(text: &mut Text, numbered: &Numbered<Sighting>, line: &mut String) {
    let (sighting, interfaces) = (&*numbered.record, &*numbered.names.interfaces);
    let palette = text.options.palette;
    paint(line, palette.dim, |line| time::push_time_of_day_micros(line, sighting.wall));
    line.push_str("  ");
    text.columns.place.fill(line, |line| push_sighted(line, sighting.point, interfaces));
    text.columns.addresses.fill(line, |line| {
        push_socket_address(line, sighting.src);
        line.push_str(" → ");
        push_socket_address(line, sighting.dst);
    });
    push_message(line, sighting, &palette);
    for remark in remarks(sighting) {
        line.push_str("  ");
        paint(line, palette.warn, |line| line.push_str(&remark));
    }
    line.push_str("  ");
    paint(line, palette.dim, |line| {
        line.push_str(&mark(sighting.transaction));
        line.push_str(&netns(sighting.point, interfaces));
    });
    end_line(line);
}

/// `  7341  response NOERROR  A www.example`.
fn push_message(line: &mut String, sighting: &Sighting, palette: &Palette) {
    let header = sighting.message.header;
    let begin = line.len();
    push_number(line, header.id.into(), 1);
    for _ in line.len() - begin..ID_WIDTH {
        line.insert(begin, ' ');
    }
    if header.is_response() {
        line.push_str("  response ");
        paint(line, palette.bold, |line| line.push_str(&iana::rcode(header.rcode().into())));
    } else {
        line.push_str("  query");
    }
    push_blanks(line, 2);
    match question(&sighting.message) {
        Some(asked) => {
            line.push_str(&iana::record_type(asked.qtype));
            line.push(' ');
            push_name(&asked, line);
        }
        None => line.push_str("(no question)"),
    }
}

fn remarks(sighting: &Sighting) -> Vec<String> {
    let mut remarks = Vec::new();
    remarks.extend(process(&sighting.socket));
    if sighting.transport == Transport::Tcp {
        remarks.push("TCP".to_owned());
    }
    if sighting.message.header.truncated() {
        remarks.push("truncated".to_owned());
    }
    if is_cut(&sighting.message) {
        remarks.push("captured in part".to_owned());
    }
    remarks.extend(sighting.vlan.map(|vlan| format!("VLAN {vlan}")));
    remarks
}
