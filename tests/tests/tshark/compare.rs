//! Both readings of a file, beside each other.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Result, ensure};

use crate::message::{Message, Point};
use crate::{ours, pdml, theirs};

/// Fails unless both read the same of a capture that was made here; returns how many messages that is.
pub(crate) fn bytes(name: &str, capture: &[u8]) -> Result<usize> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("capture");
    fs::write(&file, capture)?;
    let theirs = theirs::read(&file)?;
    same(name, ours::read(capture)?, theirs)
}

/// Fails unless both read the same of a recording; returns how many messages that is.
pub(crate) fn file(file: &Path) -> Result<usize> {
    let theirs = theirs::read(file)?;
    let points: BTreeSet<Point> = theirs.iter().map(|message| message.point.clone()).collect();
    let in_parts = theirs.iter().any(|message| message.tcp || message.fragment);
    let theirs = if in_parts && points.len() > 1 { by_point(file, points)? } else { theirs };
    same(&file.display().to_string(), ours::read(File::open(file)?)?, theirs)
}

/// What tshark says when it reads each point by itself: of segments seen at several points, it takes all but the first
/// for retransmissions and does not read them; fragments become one datagram.
fn by_point(file: &Path, points: BTreeSet<Point>) -> Result<Vec<Message>> {
    let folder = tempfile::tempdir()?;
    let part = folder.path().join("part");
    let mut messages = Vec::new();
    for point in points {
        let Point { interface, out } = &point;
        let sent = if *out { "" } else { "!" };
        let cooked = format!("sll.ifindex == {interface} && {sent}(sll.pkttype == 4)");
        let named = format!("frame.interface_name == \"{interface}\" && {sent}(frame.packet_flags_direction == 2)");
        let is_index = interface.parse::<u32>().is_ok();
        pdml::filter(file, if is_index { &cooked } else { &named }, &part)?;
        // Written anew, there is one interface only.
        messages.extend(theirs::read(&part)?.into_iter().map(|message| Message { point: point.clone(), ..message }));
    }
    Ok(messages)
}

fn same(name: &str, mut ours: Vec<Message>, mut theirs: Vec<Message>) -> Result<usize> {
    for messages in [&mut ours, &mut theirs] {
        // Stable: what one packet gives stays in its order. A first fragment is given when it need wait no longer.
        messages.sort_by_cached_key(|message| (message.point.clone(), message.time));
    }
    for (mut ours, mut theirs) in ours.iter().cloned().zip(theirs.iter().cloned()) {
        if !theirs.complete {
            cut(&mut ours, &mut theirs);
        }
        ensure!(ours == theirs, "{name}: {} at {}: {}", ours.id, ours.time, difference(&ours, &theirs));
    }
    ensure!(ours.len() == theirs.len(), "{name}: {} messages, tshark reads {}", ours.len(), theirs.len());
    Ok(ours.len())
}

/// The lines in which both differ, ours first.
fn difference(ours: &Message, theirs: &Message) -> String {
    let [ours, theirs] = [ours, theirs].map(|message| format!("{message:#?}"));
    let lines = ours.lines().zip(theirs.lines()).filter(|(ours, theirs)| ours != theirs);
    let lines: Vec<String> = lines.map(|(ours, theirs)| format!("\n{} | {}", ours.trim(), theirs.trim())).collect();
    lines.into_iter().take(10).collect()
}

/// tshark gives up where a message is cut off or the data of a record is malformed; it shows that record, too.
fn cut(ours: &mut Message, theirs: &mut Message) {
    theirs.answers.truncate(ours.answers.len());
    ours.answers.truncate(theirs.answers.len());
    if ours.bytes.len() == ours.wire_len {
        // Malformed data does not hide from the product what follows.
        (theirs.complete, ours.edns) = (ours.complete, theirs.edns.clone());
    }
    ours.bytes.truncate(theirs.bytes.len());
    theirs.bytes.truncate(ours.bytes.len());
}
