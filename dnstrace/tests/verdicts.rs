//! What is wrong in recordings of real failures, and how that is asked for: `--fail-on`, `--problems`, `explain`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn dnstrace(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dnstrace")).args(arguments).output().unwrap()
}

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures").join(name)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// `id certainty subject` of each finding in a recording, the worst first.
fn found(name: &str) -> Vec<String> {
    let output = dnstrace(&["read", capture(name).to_str().unwrap(), "report", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings
        .map(|finding| {
            let subject = finding["subject"]["name"].as_str().unwrap();
            format!("{} {} {subject}", word(finding, "finding"), word(finding, "certainty"))
        })
        .collect()
}

/// In a file that shows one node's interfaces only, less is certain than live.
const RECORDINGS: &[(&str, &[&str])] = &[
    ("baseline.pcap", &[]),
    ("fragment_dropped.pcap", &["fragment-lost suspected 192.0.2.53"]),
    ("kubernetes.pcapng.gz", &["truncated-no-tcp certain shop/alpine-5b85b8dcf4-ztcn4"]),
    ("loop_mutual_query.pcap", &["loop-mutual certain 10.244.0.53"]),
    ("loop_self_127_0_0_53_probe.coredns-lo.pcap", &["loop-self-stub certain 127.0.0.1"]),
    (
        "max_concurrent_refused.pcap",
        &["upstream-timeout certain 192.0.2.53", "max-concurrent-refused likely 10.244.0.53"],
    ),
    // Three lookups are no habit.
    ("ndots_external_glibc.pcap", &[]),
    ("no_endpoints_reject.pcap", &["no-dns-endpoints suspected 10.96.0.10"]),
    ("reply_unexpected_source.pcap", &["reply-unexpected-source certain this node"]),
    ("stale_conntrack.pcap", &["stale-conntrack-endpoint suspected 10.244.0.10"]),
    ("tcp_split_ipv4_ipv6.pcap", &[]),
    ("truncation_glibc.pcap", &[]),
    ("truncation_musl_1_2_3_no_tcp.pcap", &["truncated-no-tcp suspected 10.244.0.10"]),
    ("udp53_policy_drop.pcap", &["policy-drop suspected 10.244.0.10"]),
    ("upstream_dead.pcap", &["upstream-timeout certain 192.0.2.53"]),
    ("upstream_servfail.pcap", &["upstream-error certain 192.0.2.53"]),
    ("wrong_namespace.pcap", &["wrong-namespace likely 10.244.0.10"]),
];

#[test]
fn recordings_of_failures_have_their_finding_and_no_other() {
    for (name, expected) in RECORDINGS {
        assert_eq!(found(name), *expected, "{name}");
    }
}

#[test]
fn exit_code_says_whether_something_is_at_least_so_sure() {
    let code = |name: &str, least: &str| {
        let output = dnstrace(&["read", capture(name).to_str().unwrap(), "report", "--fail-on", least]);
        (output.status.code().unwrap(), text(&output.stderr).to_owned())
    };
    let (failed, said) = code("wrong_namespace.pcap", "likely");
    assert_eq!((failed, said.as_str()), (1, "dnstrace: there are findings, the surest of them likely\n"));
    assert_eq!(code("wrong_namespace.pcap", "certain").0, 0);
    assert_eq!(code("baseline.pcap", "suspected").0, 0);
}

#[test]
fn only_problems_are_shown() {
    let lines = |arguments: &[&str]| {
        let file = capture("demo.pcapng.gz");
        let output = dnstrace(&[&["read", file.to_str().unwrap(), "--format", "json"], arguments].concat());
        let lines = text(&output.stdout).lines();
        lines.map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let transactions = |lines: &[Value]| lines.iter().filter(|line| line["kind"] == "transaction").count();
    let (all, problems) = (lines(&[]), lines(&["--problems"]));
    assert!(transactions(&problems) > 0 && transactions(&problems) < transactions(&all));
    for line in problems.iter().filter(|line| line["kind"] == "transaction") {
        let is_error = !matches!(line["reply_code"].as_str(), None | Some("NOERROR" | "NXDOMAIN"));
        let is_problem = line["outcome"] == "no-response" || is_error || line["findings"].is_array();
        assert!(is_problem, "{line:#}");
    }
    let finding = |line: &&Value| line["kind"] == "finding";
    assert_eq!(problems.iter().filter(finding).count(), all.iter().filter(finding).count());
}

#[test]
fn every_finding_is_explained() {
    let list = dnstrace(&["explain"]);
    let ids: Vec<_> = text(&list.stdout).lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(ids.len() > 30, "{ids:?}");
    for id in &ids {
        let output = dnstrace(&["explain", id]);
        let page = text(&output.stdout);
        assert!(page.starts_with(&format!("{id} (")) && page.contains("\nWhat to do\n"), "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= 100 || line.contains("https://")), "{page}");
    }
    let unknown = dnstrace(&["explain", "upstream-dead"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = text(&unknown.stderr);
    assert!(said.contains("upstream-timeout") && said.lines().count() == 1, "{said}");
}
