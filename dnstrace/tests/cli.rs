//! What a person types, and what comes back: exit codes, and one line that says what is wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/captures/baseline.pcap");

fn dnstrace(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &str) -> Output {
    dnstrace(&arguments.split_whitespace().collect::<Vec<_>>()).output().unwrap()
}

#[track_caller]
fn check_error(arguments: &str, code: i32, message: &str) {
    let output = run(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments}: {stderr}");
    assert!(stderr.starts_with(&format!("dnstrace: {message}")), "{arguments}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{arguments}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments}");
}

#[test]
fn wrong_usage_is_one_line_and_2() {
    for (arguments, message) in [
        ("", "what to do?"),
        ("tarce", "unrecognized subcommand 'tarce'"),
        ("trace --nonsense", "unexpected argument '--nonsense'"),
        ("trace --port 0", "invalid value '0' for '--port <PORT>'"),
        ("trace --port 53,x", "invalid value 'x' for '--port <PORT>'"),
        ("report --slow 100", "invalid value '100' for '--slow <TIME>': a time needs a unit"),
        ("report --slow 2m", "invalid value '2m' for '--slow <TIME>': must be from 1ms to 1m"),
        ("trace --slower-than 100", "invalid value '100' for '--slower-than <TIME>': a time needs a unit"),
        ("trace --for 0s", "invalid value '0s' for '--for <TIME>': must be more than zero"),
        ("trace --type NOPE", "invalid value 'NOPE' for '--type <TYPE>': no record type"),
        ("trace --rcode NOPE", "invalid value 'NOPE' for '--rcode <RCODE>': no rcode"),
        ("trace --name a[", "invalid value 'a[' for '--name <GLOB>': unclosed character class"),
        ("trace --hooks kprobe", "invalid value 'kprobe' for '--hooks <HOOK>'"),
        ("trace --format xml", "invalid value 'xml' for '--format <FORMAT>'"),
        ("trace --count 0", "invalid value '0' for '--count <N>'"),
        ("trace --ring-size 9MiB", "invalid value '9MiB' for '--ring-size <SIZE>': must be a power of two"),
        ("trace --ring-size 8MB", "invalid value '8MB' for '--ring-size <SIZE>': a size is"),
        ("trace --snaplen 20", "invalid value '20' for '--snaplen <BYTES>': must be from 96"),
        ("trace --observations --slower-than 1s", "the argument '--observations' cannot be used with"),
        ("read", "the following required arguments were not provided: <FILE>"),
        ("read --for 3s a", "unexpected argument '--for'"),
        ("read - -", "standard input can be read once only"),
        ("record", "the following required arguments were not provided: --output <FILE>"),
        ("record -o x --path", "--path, --observations and --format show nothing without --print"),
        ("record -o x --format json", "--path, --observations and --format show nothing without --print"),
        ("record -o x --keep 3", "--keep needs --rotate-size or --rotate-every"),
        ("record -o - --rotate-size 1MiB", "standard output is one file"),
        ("record -o - --print", "standard output takes the recording or the transactions"),
        ("record -o x --rotate-size 1MB", "invalid value '1MB' for '--rotate-size <SIZE>': a size is"),
        ("record -o x --rotate-size 100", "invalid value '100' for '--rotate-size <SIZE>': must be at least 4KiB"),
        ("doctor --format html", "invalid value 'html'"),
    ] {
        check_error(arguments, 2, message);
    }
}

#[test]
fn what_cannot_start_is_one_line_and_3() {
    for (arguments, message) in [
        ("read /nonexistent.pcap", "/nonexistent.pcap: No such file"),
        ("read Cargo.toml", "Cargo.toml: neither a pcap, a pcapng nor a dnstap file"),
        ("read /dev/null", "/dev/null: the file is empty"),
        ("read -", "-: the file is empty"),
        ("read src", "src: Is a directory"),
        ("read src/lib.rs /nonexistent.pcap", "src/lib.rs: neither a pcap, a pcapng nor a dnstap file"),
        ("record -o /nonexistent/dns.pcapng", "/nonexistent/dns.pcapng: No such file"),
        ("record -o src", "src: Is a directory"),
        ("record -o src --rotate-every 1h", "src: Is a directory"),
        ("record -o /nonexistent/dns.pcapng --rotate-every 1h", "/nonexistent: No such file"),
    ] {
        check_error(arguments, 3, message);
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in ["--help", "trace --help", "record --help", "read --help", "doctor --help", "--version"] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("dnstrace"), "{arguments}");
        assert!(output.stderr.is_empty(), "{arguments}");
    }
}

#[test]
fn examples_fit_on_a_screen_of_100_columns() {
    for command in ["trace", "record", "read"] {
        let output = dnstrace(&[command, "--help"]).env("COLUMNS", "120").output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let long: Vec<&str> =
            stdout.lines().skip_while(|line| *line != "Examples:").filter(|l| l.len() > 100).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
}

/// Exit code, standard output, standard error of reading these bytes.
fn read(bytes: &[u8], arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = dnstrace(&[&["read", "-"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn file_that_is_cut_off_gives_what_is_whole_and_a_warning() {
    let bytes = std::fs::read(BASELINE).unwrap();
    let (code, stdout, stderr) = read(&bytes[..bytes.len() - 1], &[]);
    assert_eq!((code, stdout.lines().count()), (Some(0), 28), "{stderr}");
    assert!(stderr.ends_with("dnstrace: warning: -: the file is cut off after 120 whole packets\n"), "{stderr}");
    let (_, stdout, _) = read(&bytes[..bytes.len() - 1], &["--format", "json"]);
    assert!(stdout.contains("\"warnings\":[\"-: the file is cut off after 120 whole packets\"]"), "{stdout}");
}

#[test]
fn file_that_is_damaged_gives_what_is_before_and_3() {
    let mut bytes = std::fs::read(BASELINE).unwrap();
    bytes.extend([0xff; 16]);
    let (code, stdout, stderr) = read(&bytes, &[]);
    assert_eq!((code, stdout.lines().count()), (Some(3), 28), "{stderr}");
    assert!(stderr.ends_with("dnstrace: -: a packet or block of 4294967295 bytes\n"), "{stderr}");
}

#[test]
fn what_is_read_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dns.pcap");
    std::fs::copy(BASELINE, &file).unwrap();
    let path = file.to_str().unwrap();
    check_error(&format!("read {path} record -o {path}"), 2, &format!("{path} is read: record to another file"));
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(BASELINE).unwrap());
}

#[test]
fn closed_pipe_is_0() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let status = dnstrace(&["read", BASELINE]).stdout(writer).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn interrupt_ends_a_wait_for_input_with_a_summary() {
    let mut child =
        dnstrace(&["read", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&std::fs::read(BASELINE).unwrap()).unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("web.default.svc.cluster.local"), "{line}");
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(stderr.contains(" answered\n"), "{stderr}");
    drop(stdin);
}

/// A run that reads a capture as far as it comes, with what the shell does about SIGHUP; its first line was read.
fn reading(hangup: &str) -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let mut command = Command::new("env");
    command.args([hangup, env!("CARGO_BIN_EXE_dnstrace"), "read", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&std::fs::read(BASELINE).unwrap()).unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    (child, stdin, stdout)
}

#[test]
fn terminal_that_is_closed_ends_a_run_with_a_summary() {
    let (child, stdin, _stdout) = reading("--default-signal=HUP");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains(" answered\n"), "{stderr}");
    drop(stdin);
}

#[test]
fn nohup_lets_a_run_go_on_when_the_terminal_is_closed() {
    let (mut child, mut stdin, mut stdout) = reading("--ignore-signal=HUP");
    // The same once more, without the file's header.
    stdin.write_all(&std::fs::read(BASELINE).unwrap()[24..]).unwrap();
    drop(stdin);
    let (mut lines, mut stderr) = (String::new(), String::new());
    stdout.read_to_string(&mut lines).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(stderr.contains("file          242 = 242 read"), "{stderr}");
}

#[test]
fn filters_show_what_matches() {
    for (filter, lines) in [
        ("", 28),
        ("--count 3", 3),
        ("--name WEB.*", 6),
        ("--name web.default.svc.cluster.local.", 2),
        ("--name *.svc.cluster.local --name web", 16),
        ("--type AAAA", 14),
        ("--type 28 --rcode NXDOMAIN", 9),
        ("--rcode noerror,3", 28),
        ("--rcode SERVFAIL", 0),
        ("--slower-than 1ms", 3),
        ("--port 54", 0),
        ("--observations", 121),
        ("--observations --rcode NXDOMAIN --type A", 18),
    ] {
        let output = run(&format!("read {BASELINE} {filter}"));
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(stdout.lines().count(), lines, "{filter}\n{stdout}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("does not add up"), "{filter}\n{stderr}");
    }
}
