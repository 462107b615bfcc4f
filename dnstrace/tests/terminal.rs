//! What a terminal shows, of standard output and of messages: no line is longer than it is wide. Goldens are named for
//! its columns.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::pty::{OpenptyResult, Winsize, openpty};

/// What `dnstrace read` shows on a terminal of `columns`.
fn read(columns: u16, arguments: &[&str]) -> String {
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let OpenptyResult { master, slave } = openpty(&size, None).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    command.arg("read").args(arguments).current_dir(captures()).env("NO_COLOR", "1");
    let mut child = command.stdin(Stdio::null()).stdout(slave.try_clone().unwrap()).stderr(slave).spawn().unwrap();
    // It has the other end of the terminal open: without it there is an end.
    drop(command);
    let mut shown = Vec::new();
    // A terminal that nobody has open any more is an error to its reader, `EIO`.
    let _ = File::from(master).read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}

fn captures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/captures"))
}

#[track_caller]
fn check(columns: u16, arguments: &[&str], golden: &str) {
    let shown = read(columns, arguments);
    let long: Vec<_> = shown.lines().filter(|line| line.chars().count() > columns.into()).collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
    let golden = captures().join(golden);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &shown).unwrap();
    }
    assert!(shown == fs::read_to_string(&golden).unwrap_or_default(), "{} differs:\n{shown}", golden.display());
}

#[test]
fn signs_findings_and_marks_on_100_columns() {
    check(100, &["demo.pcapng.gz", "--problems"], "demo.problems.100.txt");
    check(100, &["no_endpoints_reject.pcap", "--path"], "no_endpoints_reject.path.100.txt");
}

#[test]
fn long_names_on_80_columns() {
    check(80, &["kubernetes.pcapng.gz", "--name", "*.example*", "--count", "40"], "kubernetes.names.80.txt");
    check(80, &["demo.pcapng.gz", "--problems"], "demo.problems.80.txt");
    check(80, &["baseline.pcap", "--observations", "--count", "10"], "baseline.observations.80.txt");
}

#[test]
fn one_line_each_where_there_is_room() {
    check(240, &["truncation_glibc.pcap"], "truncation_glibc.240.txt");
}
