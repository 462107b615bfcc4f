//! What ARCHITECTURE.md says about the sources, asserted by reading them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// In the order of the flow: each uses only what stands to its left.
const STAGES: [&str; 6] = ["capture", "decode", "join", "owner", "rules", "sink"];
/// What may not be used by a stage, as it uses them.
const ABOVE: [&str; 2] = ["pipeline", "cli"];
/// Folders and files for odds and ends collect them.
const ODDS_AND_ENDS: [&str; 7] = ["util", "utils", "common", "helper", "helpers", "types", "misc"];

struct Source {
    /// From the root of the package.
    path: PathBuf,
    text: String,
}

impl Source {
    fn stage(&self) -> Option<usize> {
        let first = self.path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
        STAGES.iter().position(|stage| first.trim_end_matches(".rs") == *stage)
    }

    fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        let name = self.path.display();
        (1..).zip(self.text.lines()).map(move |(number, line)| (format!("{name}:{number}"), line))
    }
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&package().join(folder), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.strip_prefix(package()).unwrap().to_owned(), text });
        }
    }
}

/// The words that follow `crate::` in `line`.
fn used(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
}

#[test]
fn stage_uses_only_stages_to_its_left() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some(stage) = source.stage() else { continue };
        for (place, line) in source.lines() {
            // A group after `crate::` would hide what it uses from this test.
            wrong.extend(line.contains("crate::{").then(|| format!("{place}: use one line for each stage")));
            let right = used(line).filter(|word| STAGES[stage + 1..].contains(word) || ABOVE.contains(word));
            wrong.extend(right.map(|word| format!("{place}: {} uses {word}", STAGES[stage])));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_stage_has_its_folder() {
    for stage in STAGES {
        assert!(package().join("src").join(stage).join("mod.rs").is_file(), "{stage}");
    }
}

#[test]
fn no_place_for_odds_and_ends() {
    for source in sources("src") {
        let odd =
            source.path.iter().find(|part| ODDS_AND_ENDS.contains(&part.to_string_lossy().trim_end_matches(".rs")));
        assert_eq!(odd, None, "{}", source.path.display());
    }
}

#[test]
fn lints_are_expected_and_not_allowed() {
    for source in sources("src").iter().chain(&sources("../dnstrace-ebpf/src")) {
        for (place, line) in source.lines() {
            assert!(!line.contains("#[allow(") && !line.contains("#![allow("), "{place}");
        }
    }
}

#[test]
fn one_stage_knows_each_library() {
    for (word, stage) in [("hickory", "decode"), ("aya", "capture")] {
        // Tests make messages by it.
        let is_test = |source: &Source| source.path.iter().any(|part| part == "tests");
        let others = |source: &&Source| !source.path.starts_with(format!("src/{stage}")) && !is_test(source);
        for source in sources("src").iter().filter(others) {
            for (place, line) in source.lines() {
                let mut words = line.split(|c: char| !c.is_alphanumeric());
                assert!(!words.any(|found| found.eq_ignore_ascii_case(word)), "{place}: only {stage} knows {word}");
            }
        }
    }
}

#[test]
fn top_level_has_the_packages_and_nothing_else() {
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(package().join("..")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            // What is hidden is configuration; what is built goes into `target`.
            folders.extend((!name.starts_with('.') && name != "target").then_some(name));
        } else {
            let documents = ["md", "toml", "lock"].iter().any(|end| name.ends_with(&format!(".{end}")));
            assert!(documents || name.starts_with("LICENSE-") || name.starts_with('.'), "{name}");
        }
    }
    assert_eq!(folders, ["dnstrace", "dnstrace-ebpf", "tests", "xtask"].map(str::to_owned).into());
}
