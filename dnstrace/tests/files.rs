//! Several files as one, and files again from what was read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Length of a pcap file's header, of a packet's header, and where its frame's length stands in it.
const FILE_HEADER_LEN: usize = 24;
const PACKET_HEADER_LEN: usize = 16;
const CAPTURED_LEN_AT: usize = 8;
/// Where a frame of `LINKTYPE_LINUX_SLL2` has its interface, and how long what stands before the IP packet is.
const SLL2_IFINDEX_AT: usize = 4;
const SLL2_LEN: usize = 20;
/// `LINKTYPE_RAW`: a frame begins with its IP header.
const RAW: u32 = 101;
/// `LINKTYPE_LINUX_SLL`.
const SLL: u32 = 113;

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures").join(name)
}

/// What the product did.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(words: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    let output = command.args(words).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// `dnstrace read` of files, then arguments.
fn read(files: &[impl AsRef<Path>], arguments: &str) -> Ran {
    let files = files.iter().map(|file| file.as_ref().to_str().unwrap());
    run(&["read"].into_iter().chain(files).chain(arguments.split_whitespace()).collect::<Vec<_>>())
}

/// What was read, as JSON, without the summary.
fn transactions(files: &[impl AsRef<Path>]) -> Vec<Value> {
    let ran = read(files, "--path --format json");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let records = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    records.filter(|record: &Value| record["kind"] == "transaction").collect()
}

/// The same transactions in the same order; the first that differs is shown.
#[track_caller]
fn check_same(found: &[Value], expected: &[Value]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(found == expected, "{found:#}\nis not\n{expected:#}");
    }
    assert_eq!(found.len(), expected.len());
}

/// Frames of a pcap file, each with its header.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    let mut rest = &file[FILE_HEADER_LEN..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(*rest[CAPTURED_LEN_AT..].first_chunk().unwrap());
        let (frame, behind) = rest.split_at(PACKET_HEADER_LEN + usize::try_from(length).unwrap());
        frames.push(frame);
        rest = behind;
    }
    frames
}

/// The same without a link layer.
fn bare(frame: &[u8]) -> Vec<u8> {
    let ip = &frame[PACKET_HEADER_LEN + SLL2_LEN..];
    let length = u32::try_from(ip.len()).unwrap().to_le_bytes();
    [&frame[..CAPTURED_LEN_AT], &length, &length, ip].concat()
}

/// The same with the first form of cooked headers, which has no interface.
fn cooked(frame: &[u8]) -> Vec<u8> {
    let (header, ip) = frame[PACKET_HEADER_LEN..].split_at(SLL2_LEN);
    let sll = [&[0, header[10]], &header[8..10], &[0], &header[11..12], &header[12..20], &header[..2]].concat();
    let length = u32::try_from(sll.len() + ip.len()).unwrap().to_le_bytes();
    [&frame[..CAPTURED_LEN_AT], &length, &length, &sll, ip].concat()
}

/// A file for each interface of a capture, as several `tcpdump -i` would have made; its link layer is `link`.
fn split(name: &str, folder: &TempDir, link: Option<u32>) -> Vec<PathBuf> {
    let whole = fs::read(capture(name)).unwrap();
    let (header, _) = whole.split_first_chunk::<FILE_HEADER_LEN>().unwrap();
    let link_header = link.map_or(header.to_vec(), |link| [&header[..20], &link.to_le_bytes()].concat());
    let mut files: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for frame in frames(&whole) {
        let at = PACKET_HEADER_LEN + SLL2_IFINDEX_AT;
        let ifindex = u32::from_be_bytes(*frame[at..].first_chunk().unwrap());
        let frame = if link.is_some() { bare(frame) } else { frame.to_vec() };
        files.entry(ifindex).or_insert_with(|| link_header.clone()).extend(frame);
    }
    let write = |(ifindex, bytes): (u32, Vec<u8>)| {
        let path = folder.path().join(format!("eth{ifindex}.pcap"));
        fs::write(&path, bytes).unwrap();
        path
    };
    files.into_iter().map(write).collect()
}

/// Without what is called differently in several files, or not told: interfaces and directions.
fn anywhere(mut record: Value) -> Value {
    for list in ["path", "signs"] {
        let places = record.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for object in places.filter_map(Value::as_object_mut) {
            object.remove("interface");
            object.remove("ifindex");
            object.remove("direction");
        }
    }
    if let Some(last_seen) = record.get_mut("last_seen").and_then(Value::as_object_mut) {
        last_seen.remove("interface");
        last_seen.remove("ifindex");
        last_seen.remove("direction");
    }
    // It follows from these.
    if let Some(record) = record.as_object_mut() {
        record.remove("leg");
    }
    record
}

fn interfaces(transactions: &[Value]) -> BTreeSet<String> {
    let hops = transactions.iter().filter_map(|record| record["path"].as_array()).flatten();
    hops.filter(|hop| hop["hook"] == "device").map(|hop| hop["interface"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn file_for_each_interface_gives_what_one_file_of_all_gives() {
    let captures = ["baseline.pcap", "truncation_glibc.pcap", "ndots_external_glibc.pcap"];
    for (name, link) in captures.into_iter().flat_map(|name| [(name, None), (name, Some(RAW))]) {
        let folder = tempfile::tempdir().unwrap();
        let mut files = split(name, &folder, link);
        assert!(files.len() > 1, "{name}");
        let whole: Vec<Value> = transactions(&[capture(name)]).into_iter().map(anywhere).collect();
        for _ in 0..files.len() {
            let parts: Vec<Value> = transactions(&files).into_iter().map(anywhere).collect();
            check_same(&parts, &whole);
            files.rotate_left(1);
        }
    }
}

/// `tcpdump -i any` of old, which tells no interface, and a capture without a link layer, which tells no direction either:
/// a message that passes several points is neither sent again nor answered twice.
#[test]
fn points_that_are_not_told_are_points_all_the_same() {
    for name in ["baseline.pcap", "ndots_external_glibc.pcap", "upstream_servfail.pcap", "max_concurrent_refused.pcap"]
    {
        let folder = tempfile::tempdir().unwrap();
        let whole = fs::read(capture(name)).unwrap();
        let file = folder.path().join("any.pcap");
        let told: Vec<Value> = transactions(&[capture(name)]).into_iter().map(anywhere).collect();
        for (link, less) in [(SLL, cooked as fn(&[u8]) -> Vec<u8>), (RAW, bare)] {
            let frames: Vec<u8> = frames(&whole).into_iter().flat_map(less).collect();
            fs::write(&file, [&whole[..20], &link.to_le_bytes(), &frames].concat()).unwrap();
            let found: Vec<Value> = transactions(&[&file]).into_iter().map(anywhere).collect();
            check_same(&found, &told);
        }
    }
}

#[test]
fn interfaces_are_named_for_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let known = transactions(&split("truncation_glibc.pcap", &folder, None));
    let expected = ["eth2:if2", "eth3:if3", "eth4:if4", "eth6:if6"].map(str::to_owned);
    assert_eq!(interfaces(&known), BTreeSet::from(expected));
    let unknown = transactions(&split("truncation_glibc.pcap", &folder, Some(RAW)));
    assert_eq!(interfaces(&unknown), BTreeSet::from(["eth2", "eth3", "eth4", "eth6"].map(str::to_owned)));
}

#[test]
fn files_of_the_same_name_are_told_apart_by_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let place = |file: &PathBuf, node: &str| {
        let inside = folder.path().join(node);
        fs::create_dir(&inside).unwrap();
        fs::copy(file, inside.join("dns.pcap")).unwrap();
        inside.join("dns.pcap")
    };
    let files = split("truncation_glibc.pcap", &folder, Some(RAW));
    let files = [place(&files[1], "node-a"), place(&files[2], "node-b")];
    let expected = BTreeSet::from(files.clone().map(|file| file.display().to_string()));
    assert_eq!(interfaces(&transactions(&files)), expected);
}

/// Records what is read.
fn record(file: &Path, output: &Path, arguments: &str) {
    let ran = read(&[file], &format!("record -o {} {arguments}", output.display()));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Files of a folder, by name.
fn files_of(folder: &TempDir) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Everything that is read gives the same transactions, with the same paths, when it is read from its recording.
#[test]
fn recording_of_what_was_read_gives_the_same() {
    let captures = fs::read_dir(capture("")).unwrap().map(|entry| entry.unwrap().path());
    let is_capture = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        ["pcap", "pcapng", "dnstap", "gz"].iter().any(|known| extension == *known)
    };
    let captures: Vec<PathBuf> = captures.filter(is_capture).collect();
    assert!(captures.len() >= 10, "{captures:?}");
    let folder = tempfile::tempdir().unwrap();
    for file in captures {
        let recording = folder.path().join("again.pcapng");
        record(&file, &recording, "");
        let read = transactions(&[&file]);
        assert!(!read.is_empty(), "{}", file.display());
        check_same(&transactions(&[&recording]), &read);
    }
}

#[test]
fn recording_in_several_files_is_read_as_one() {
    // One that dnstrace made, and one that tcpdump made: its machine is not known.
    recorded_in_several_files("demo.pcapng.gz");
    recorded_in_several_files("truncation_glibc.pcap");
}

fn recorded_in_several_files(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let whole = capture(name);
    record(&whole, &folder.path().join("dns.pcapng"), "--rotate-size 8KiB");
    let mut files = files_of(&folder);
    assert!(files.len() > 2, "{files:?}");
    let is_small = |file: &PathBuf| fs::metadata(file).unwrap().len() <= 8 << 10;
    assert!(files.iter().all(is_small), "{files:?}");
    check_same(&transactions(&files), &transactions(&[&whole]));
    files.reverse();
    check_same(&transactions(&files), &transactions(&[&whole]));
}

#[test]
fn recording_of_several_files_is_read_with_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let files = split("truncation_glibc.pcap", &folder, Some(RAW));
    let (last, others) = files.split_last().unwrap();
    let several = folder.path().join("several.pcapng");
    let ran = read(others, &format!("record -o {}", several.display()));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let whole: Vec<Value> = transactions(&files).into_iter().map(anywhere).collect();
    let found: Vec<Value> = transactions(&[&several, last]).into_iter().map(anywhere).collect();
    check_same(&found, &whole);
}

/// Another start of the machine that a recording was made on.
fn another_boot(recording: &[u8]) -> Vec<u8> {
    let mark = b" boot=";
    let at = recording.windows(mark.len()).position(|bytes| bytes == mark).unwrap() + mark.len();
    let mut other = recording.to_vec();
    other[at] = if other[at] == b'0' { b'1' } else { b'0' };
    other
}

#[test]
fn recordings_of_two_machines_keep_their_interfaces_apart() {
    let folder = tempfile::tempdir().unwrap();
    let one = folder.path().join("one.pcapng");
    record(&capture("demo.pcapng.gz"), &one, "");
    let two = folder.path().join("two.pcapng");
    fs::write(&two, another_boot(&fs::read(&one).unwrap())).unwrap();
    let (alone, both) = (transactions(&[&one]), transactions(&[&one, &two]));
    let named = interfaces(&both);
    assert!(!named.is_empty() && named.iter().all(|name| name.contains('@')), "{named:?}");
    assert_eq!(named.len(), 2 * interfaces(&alone).len(), "{named:?}");
    // What the files tell is the same: each message is seen at twice as many points.
    let device_hops = |transactions: &[Value]| -> usize {
        let hops = transactions.iter().filter_map(|record| record["path"].as_array()).flatten();
        hops.filter(|hop| hop["hook"] == "device").count()
    };
    assert_eq!(device_hops(&both), 2 * device_hops(&alone));
}

#[test]
fn bad_file_among_several_is_one_error_and_nothing_else() {
    for bad in ["/nonexistent.pcap", "Cargo.toml", "src", "/dev/null"] {
        for files in [[capture("baseline.pcap"), bad.into()], [bad.into(), capture("baseline.pcap")]] {
            let ran = read(&files, "");
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{bad}: {}", ran.stderr);
            assert!(ran.stderr.starts_with(&format!("dnstrace: {bad}: ")), "{}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        }
    }
}

#[test]
fn file_that_is_cut_off_among_several_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let files = split("baseline.pcap", &folder, None);
    let bytes = fs::read(&files[0]).unwrap();
    fs::write(&files[0], &bytes[..bytes.len() - 1]).unwrap();
    let ran = read(&files, "");
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 28), "{}", ran.stderr);
    let whole = frames(&bytes).len() - 1;
    let warning =
        format!("dnstrace: warning: {}: the file is cut off after {whole} whole packets\n", files[0].display());
    assert!(ran.stderr.ends_with(&warning), "{}", ran.stderr);
}

#[test]
fn damaged_file_among_several_ends_alone_and_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let files = split("baseline.pcap", &folder, None);
    let damaged = [fs::read(&files[0]).unwrap(), vec![0xff; PACKET_HEADER_LEN]].concat();
    fs::write(&files[0], damaged).unwrap();
    let ran = read(&files, "");
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(3), 28), "{}", ran.stderr);
    let error = format!("dnstrace: {}: a packet or block of 4294967295 bytes\n", files[0].display());
    assert!(ran.stderr.ends_with(&error), "{}", ran.stderr);
}

#[test]
fn standard_input_twice_is_refused() {
    let file = capture("baseline.pcap");
    let ran = run(&["read", "-", file.to_str().unwrap(), "-"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(ran.stderr, "dnstrace: standard input can be read once only\n");
}

#[test]
fn flags_stand_before_and_behind_the_verb() {
    let file = capture("baseline.pcap");
    let expected = read(&[&file], "--type AAAA --name web*").stdout;
    assert_eq!(expected.lines().count(), 5);
    for arguments in ["trace --type AAAA --name web*", "--type AAAA trace --name web*", "--name web* --type AAAA trace"]
    {
        assert_eq!(read(&[&file], arguments).stdout, expected, "{arguments}");
    }
    let before = run(&["read", "--type", "AAAA", file.to_str().unwrap(), "trace", "--name", "web*"]);
    assert_eq!(before.stdout, expected);
}
