//! Recordings to the same output, byte for byte. `UPDATE_GOLDEN=1 cargo test` writes what comes out now; read the diff.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures")
}

/// Standard output, then standard error, of `dnstrace read`.
fn read(capture: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    let output = command.arg("read").arg(capture).args(arguments).current_dir(captures()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    if arguments.contains(&"json") { stdout } else { format!("{stdout}\n{stderr}") }
}

#[track_caller]
fn check(name: &str, arguments: &[&str], golden: &str) {
    check_file(&format!("{name}.pcap"), arguments, &format!("{name}.{golden}"));
}

#[track_caller]
fn check_file(capture: &str, arguments: &[&str], golden: &str) {
    assert_eq!(compare(capture, arguments, golden), None);
}

/// What is wrong when what comes out is not what `golden` holds.
fn compare(capture: &str, arguments: &[&str], golden: &str) -> Option<String> {
    let found = read(capture, arguments);
    let golden = captures().join(golden);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    let name = golden.display();
    (found != expected).then(|| format!("{name} differs; UPDATE_GOLDEN=1 and git diff show how\n{found}"))
}

/// Every recording of the folder: one without a golden is one that nobody looked at.
#[test]
fn every_recording() {
    let files = fs::read_dir(captures()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut recordings: Vec<String> = files.filter(|name| is_recording(name)).collect();
    recordings.sort();
    assert!(recordings.len() >= 20, "{recordings:?}");
    let difference = |name: &String| compare(name, &[], &format!("{name}.trace.txt"));
    let wrong: Vec<String> = recordings.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_recording(name: &str) -> bool {
    [".pcap", ".pcapng", ".pcapng.gz", ".dnstap"].iter().any(|end| name.ends_with(end))
}

#[test]
fn lookups_through_a_search_list() {
    check("baseline", &["--format", "json"], "trace.jsonl");
    check("baseline", &["--observations", "--type", "AAAA"], "observations.txt");
}

#[test]
fn way_of_each_query_with_nat() {
    check("ndots_external_glibc", &["--path", "--name", "a1.api.example.com*"], "path.txt");
    check("ndots_external_glibc", &["--path", "--format", "json", "--count", "3"], "path.jsonl");
}

#[test]
fn queries_without_response() {
    check("no_endpoints_reject", &["--path"], "path.txt");
    check("fragment_dropped", &["--timeout", "1s"], "timeout.txt");
}

#[test]
fn what_servers_tell() {
    check_file("unbound.dnstap", &["--observations"], "unbound.observations.txt");
    check_file("unbound.dnstap", &["--path"], "unbound.path.txt");
    check_file("coredns.dnstap", &["--observations"], "coredns.observations.txt");
    check_file("coredns.dnstap", &["--format", "json", "--count", "3"], "coredns.trace.jsonl");
}

#[test]
fn names_of_a_kubernetes_node() {
    let recording = "kubernetes.pcapng.gz";
    check_file(recording, &["--role", "upstream", "--path"], "kubernetes.upstream.txt");
    let one_each = ["-n", "shop", "--workload", "alpine", "--format", "json", "--count", "2"];
    check_file(recording, &one_each, "kubernetes.trace.jsonl");
}

#[test]
fn same_file_twice_gives_the_same_bytes() {
    let arguments = ["--path", "--format", "json"];
    assert_eq!(read("baseline.pcap", &arguments), read("baseline.pcap", &arguments));
}
