//! One sighting on one line: when, where, who to whom, which message.

use std::io::{self, Write};

use super::causes::mark;
use super::point::{netns, place, process};
use super::{Text, end_line};
use crate::capture::Direction;
use crate::decode::Transport;
use crate::sink::message::{is_cut, question};
use crate::sink::palette::Painted;
use crate::sink::{Numbered, Sighting, iana, time};

pub(super) fn write(text: &mut Text, numbered: &Numbered<Sighting>, out: &mut Vec<u8>) -> io::Result<()> {
    let sighting = &*numbered.record;
    let palette = text.options.palette;
    let header = sighting.message.header;
    write!(out, "{}  ", Painted(time::time_of_day_micros(sighting.wall), palette.dim))?;
    let at = at(numbered);
    write!(out, "{at}{}  ", text.columns.place.blanks(&at))?;
    let addresses = format!("{} → {}", sighting.src, sighting.dst);
    write!(out, "{addresses}{}  {:5}  ", text.columns.addresses.blanks(&addresses), header.id)?;
    let asked = question(&sighting.message).map_or_else(
        || "(no question)".to_owned(),
        |asked| format!("{} {}", iana::record_type(asked.qtype), asked.name),
    );
    if header.is_response() {
        write!(out, "response {}  {asked}", Painted(iana::rcode(header.rcode().into()), palette.bold))?;
    } else {
        write!(out, "query  {asked}")?;
    }
    for remark in remarks(sighting) {
        write!(out, "  {}", Painted(remark, palette.warn))?;
    }
    let netns = netns(sighting.point, &numbered.interfaces);
    write!(out, "  {}", Painted(format!("{}{netns}", mark(sighting.transaction)), palette.dim))?;
    end_line(out)
}

fn at(numbered: &Numbered<Sighting>) -> String {
    let point = numbered.record.point;
    let direction = match point.direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    format!("{} {direction}", place(point, &numbered.interfaces))
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
