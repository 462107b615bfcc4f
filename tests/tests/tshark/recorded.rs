//! Every recording.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use dnstrace_tests::skip::skip;

use crate::{compare, pdml};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures");

#[test]
fn every_recording_reads_the_same() -> Result<()> {
    if let Err(why) = pdml::available() {
        skip("recordings in tshark", &format!("{why:#}"));
        return Ok(());
    }
    let mut messages = 0;
    for recording in recordings() {
        messages += compare::file(&recording)?;
    }
    assert!(messages > 1500, "{messages}");
    Ok(())
}

fn recordings() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
    let is_recording =
        |path: &PathBuf| ["pcap", "pcapng", "gz"].iter().any(|end| path.extension().is_some_and(|found| found == *end));
    entries.filter(is_recording).collect()
}
