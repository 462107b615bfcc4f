//! Reports of recordings, byte for byte, in each format; what the network sends does no harm in any.
//! `UPDATE_GOLDEN=1 cargo test` writes what comes out now; read the diff.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SCHEMA: &str = include_str!("../schemas/report.schema.json");
/// What the product itself writes beside ASCII.
const OURS: [char; 4] = ['→', '▸', 'µ', '…'];
/// What a text report fits.
const COLUMNS: usize = 100;

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures")
}

fn dnstrace(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    command.args(arguments).current_dir(captures()).stdin(Stdio::null());
    command
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Standard output of a report, which says nothing on standard error.
fn report(capture: &str, arguments: &[&str]) -> String {
    let output = dnstrace(&[&["read", capture, "report"], arguments].concat()).output().unwrap();
    assert_eq!((output.status.code(), text(output.stderr)), (Some(0), String::new()));
    text(output.stdout)
}

#[track_caller]
fn check(capture: &str, name: &str) {
    for (format, end) in [("text", "txt"), ("json", "json"), ("markdown", "md")] {
        let found = report(capture, &["--format", format]);
        let golden = captures().join(format!("{name}.report.{end}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(found == expected, "{} differs; UPDATE_GOLDEN=1 and git diff show how\n{found}", golden.display());
        match format {
            "text" => check_width(&found),
            "json" => check_schema(&found),
            _ => {}
        }
    }
}

#[track_caller]
fn check_width(text: &str) {
    // A broken link is none.
    let wide = text.lines().find(|line| line.chars().count() > COLUMNS && !line.contains(" https://"));
    assert_eq!(wide, None);
}

#[track_caller]
fn check_schema(json: &str) {
    assert!(json.is_ascii() && json.lines().count() == 1, "{json}");
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<_> = validator
        .iter_errors(&serde_json::from_str(json).unwrap())
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_answered() {
    check("baseline.pcap", "baseline");
}

#[test]
fn truncated_and_asked_again_over_tcp() {
    check("truncation_glibc.pcap", "truncation_glibc");
}

#[test]
fn no_endpoints_and_the_end_comes_before_the_timeout() {
    check("no_endpoints_reject.pcap", "no_endpoints_reject");
}

#[test]
fn throw_away_node() {
    check("demo.pcapng.gz", "demo");
    check("kubernetes.pcapng.gz", "kubernetes");
}

#[test]
fn schema_is_one_and_refuses_what_it_does_not_know() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let mut json: serde_json::Value = serde_json::from_str(&report("baseline.pcap", &["--format", "json"])).unwrap();
    json["clients"][0]["pod"] = "unknown".into();
    assert!(!jsonschema::is_valid(&schema, &json));
}

#[test]
fn filters_choose_what_is_counted() {
    for (filter, headline, found) in [
        (&["--name", "web.*"][..], "6 transactions of 1 client in 10.8 ms: all answered", Some(1)),
        (&["--rcode", "NXDOMAIN", "--type", "A"], "9 transactions of 1 client in 10.8 ms: all answered", Some(2)),
        (&["--rcode", "SERVFAIL"], "no DNS transactions in 10.8 ms", None),
    ] {
        let text = report("baseline.pcap", filter);
        assert!(text.lines().take(2).any(|line| line == headline), "{text}");
        let lookups = text.lines().find_map(|line| line.strip_prefix("lookups       found ")?.split(',').next());
        assert_eq!(lookups.map(str::to_owned), found.map(|count: u64| count.to_string()), "{text}");
        assert!(text.contains("\nreport        28 = ") && !text.contains("does not add up"), "{text}");
    }
}

#[test]
fn queries_that_timed_out_say_where_they_were_last_seen() {
    let text = report("fragment_dropped.pcap", &["--timeout", "1s"]);
    assert!(text.lines().nth(1).unwrap().contains(" without response"), "{text}");
    assert!(text.contains("and last seen"), "{text}");
}

#[test]
fn filters_and_format_may_stand_on_either_side_of_the_verb() {
    let before = dnstrace(&["read", "baseline.pcap", "--type", "A", "--format", "json", "report"]).output().unwrap();
    assert_eq!(text(before.stdout), report("baseline.pcap", &["--format", "json", "--type", "A"]));
}

#[track_caller]
fn check_error(arguments: &[&str], code: i32, message: &str) {
    let Output { status, stdout, stderr } = dnstrace(arguments).output().unwrap();
    let stderr = text(stderr);
    assert_eq!(status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(stderr.starts_with(&format!("dnstrace: {message}")), "{arguments:?}: {stderr}");
    assert_eq!((stderr.lines().count(), stdout.len()), (1, 0), "{arguments:?}: {stderr}");
}

#[test]
fn wrong_usage_is_one_line_and_2() {
    let lines = "--path, --observations and --count are for lines: a report has none";
    for (arguments, message) in [
        (&["report", "--path"][..], lines),
        (&["report", "--observations"], lines),
        (&["report", "--count", "3"], lines),
        (&["read", "baseline.pcap", "--path", "report"], lines),
        (&["read", "baseline.pcap", "report", "--for", "3s"], "unexpected argument '--for'"),
        (&["report", "--format", "html"], "invalid value 'html' for '--format <FORMAT>'"),
        (&["trace", "--format", "markdown"], "--format markdown is for a report only"),
        (&["read", "baseline.pcap", "--format", "markdown"], "--format markdown is for a report only"),
        (&["doctor", "--format", "markdown"], "invalid value 'markdown' for '--format <FORMAT>'"),
    ] {
        check_error(arguments, 2, message);
    }
}

#[test]
fn what_cannot_start_is_one_line_and_3() {
    check_error(&["read", "/nonexistent.pcap", "report"], 3, "/nonexistent.pcap: No such file");
}

#[test]
fn help_has_examples() {
    for arguments in [&["report", "--help"][..], &["read", "--help"]] {
        let output = dnstrace(arguments).output().unwrap();
        let help = text(output.stdout);
        assert!(output.status.success() && help.contains("markdown") && help.contains(" report "), "{help}");
    }
}

#[test]
fn closed_pipe_is_0() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = dnstrace(&["read", "baseline.pcap", "report"]).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

/// Exit code, standard output, standard error of a report on these bytes.
fn read(bytes: &[u8], format: &str) -> (Option<i32>, String, String) {
    let mut command = dnstrace(&["read", "-", "report", "--format", format]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn file_that_is_cut_off_is_reported_with_a_warning() {
    let bytes = fs::read(captures().join("baseline.pcap")).unwrap();
    let cut = &bytes[..bytes.len() - 1];
    let warning = "warning: -: the file is cut off after 120 whole packets\n";
    let (code, stdout, stderr) = read(cut, "text");
    assert_eq!((code, stderr), (Some(0), format!("dnstrace: {warning}")));
    assert!(stdout.contains(&format!("\n{warning}")), "{stdout}");
    let (_, json, _) = read(cut, "json");
    check_schema(&json);
}

#[test]
fn file_that_is_damaged_is_reported_as_far_as_it_goes_and_3() {
    let mut bytes = fs::read(captures().join("baseline.pcap")).unwrap();
    bytes.extend([0xff; 16]);
    let (code, stdout, stderr) = read(&bytes, "json");
    assert_eq!((code, stderr), (Some(3), "dnstrace: -: a packet or block of 4294967295 bytes\n".to_owned()));
    assert!(stdout.contains("\"transactions\":28,"), "{stdout}");
    check_schema(&stdout);
}

/// A pcap file of raw IPv4 with a query for each label.
fn queries(labels: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for (second, label) in (1_700_000_000_u32..).zip(labels) {
        let mut payload = vec![0xbe, 0xef, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, u8::try_from(label.len()).unwrap()];
        payload.extend([label, &[0, 0, 16, 0, 1][..]].concat());
        let udp_len = u16::try_from(8 + payload.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend((20 + udp_len).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 53]);
        packet.extend([40_000, 53, udp_len, 0].map(u16::to_be_bytes).concat());
        packet.extend(payload);
        let length = u32::try_from(packet.len()).unwrap();
        file.extend([second, 0, length, length].map(u32::to_le_bytes).concat());
        file.extend(packet);
    }
    file
}

#[test]
fn hostile_names_are_harmless() {
    let file = queries(&[
        b"\x1b[2J\x1b]0;title\x07",
        b"a|b`c`|d",
        b"<script>alert(1)</script>",
        b"![x](http://evil.example/)",
        b"line\r\nbreak\ttab\0zero\x7f",
        "\u{202e}drowssap\u{2066}".as_bytes(),
        "zero\u{200b}width\u{9b}31m".as_bytes(),
        &[0xff; 63],
    ]);
    for format in ["text", "json", "markdown"] {
        let (code, stdout, stderr) = read(&file, format);
        assert_eq!((code, stderr), (Some(0), String::new()));
        for line in stdout.lines() {
            let harmful = line.chars().find(|c| !matches!(c, ' '..='~') && !OURS.contains(c));
            assert_eq!(harmful, None, "{line:?}");
        }
    }
    check_width(&read(&file, "text").1);
    check_schema(&read(&file, "json").1);
    let (_, markdown, _) = read(&file, "markdown");
    for name in
        [r"`a\124b\096c\096\124d`", r"`\060script\062alert\(1\)\060/script\062`", r"`![x]\(http://evil\.example/\)`"]
    {
        assert!(markdown.contains(&format!("| {name} |\n")), "{markdown}");
    }
}
