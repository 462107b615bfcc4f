//! What the network sends does not reach the terminal raw, and stops nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

/// What the product itself writes beside ASCII.
const OURS: [char; 4] = ['→', '▸', 'µ', '…'];
/// `LINKTYPE_RAW`: a frame begins with its IP header.
const RAW: u32 = 101;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 53);

/// A pcap file of UDP datagrams, alternately queries to and responses from the server.
fn pcap(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, RAW] {
        file.extend(word.to_le_bytes());
    }
    for (second, payload) in (1_700_000_000_u32..).zip(payloads) {
        let packet = udp(second % 2 == 1, payload);
        let length = u32::try_from(packet.len()).unwrap();
        for word in [second, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

fn udp(from_server: bool, payload: &[u8]) -> Vec<u8> {
    let ends = [(CLIENT, 40_000_u16), (SERVER, 53)];
    let [src, dst] = if from_server { [ends[1], ends[0]] } else { ends };
    let udp_length = u16::try_from(8 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend((20 + udp_length).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(src.0.octets());
    packet.extend(dst.0.octets());
    for word in [src.1, dst.1, udp_length, 0] {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// A message that asks for `label`, and as a response answers with a TXT record of the same bytes.
fn message(response: bool, label: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xbe, 0xef];
    bytes.extend(if response { [0x81, 0x80] } else { [0x01, 0x00] });
    bytes.extend([0, 1, 0, u8::from(response), 0, 0, 0, 0]);
    bytes.push(u8::try_from(label.len()).unwrap());
    bytes.extend(label);
    bytes.extend([0, 0, 16, 0, 1]);
    if response {
        let length = u8::try_from(label.len()).unwrap();
        bytes.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 30, 0, length + 1, length]);
        bytes.extend(label);
    }
    bytes
}

fn read(file: &[u8], arguments: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    command.args(["read", "-"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let file = file.to_vec();
    // What comes out may fill its pipe before all has gone in.
    let feeder = std::thread::spawn(move || stdin.write_all(&file));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    (String::from_utf8(output.stdout).unwrap(), stderr)
}

#[track_caller]
fn check_harmless(payloads: &[Vec<u8>]) {
    let file = pcap(payloads);
    for arguments in [&[][..], &["--path"], &["--observations"], &["--format", "json", "--path"]] {
        let (stdout, stderr) = read(&file, arguments);
        for line in stdout.lines().chain(stderr.lines()) {
            let harmful = line.chars().find(|c| !matches!(c, ' '..='~') && !OURS.contains(c));
            assert_eq!(harmful, None, "{line:?}");
        }
        assert!(!stderr.contains("does not add up"), "{stderr}");
    }
}

#[test]
fn hostile_names_and_records_are_escaped() {
    let labels: [&[u8]; 7] = [
        b"\x1b[2J\x1b]0;title\x07",
        b"a.b\\c\"d",
        b"line\r\nbreak\ttab\0zero\x7f",
        "\u{9b}31m".as_bytes(),
        "\u{202e}drowssap\u{2066}".as_bytes(),
        "zero\u{200b}width\u{feff}".as_bytes(),
        &[0xff; 63],
    ];
    let payloads: Vec<_> = labels.iter().flat_map(|label| [message(false, label), message(true, label)]).collect();
    check_harmless(&payloads);
    let (stdout, _) = read(&pcap(&payloads), &[]);
    assert!(stdout.contains(r"\027[2j\027]0\;title\007"), "{stdout}");
}

/// A pcapng file with one interface called `name` and one packet on it.
fn pcapng(name: &[u8], payload: &[u8]) -> Vec<u8> {
    let packet = udp(false, payload);
    let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
    let link = u16::try_from(RAW).unwrap().to_le_bytes();
    let option = [&2_u16.to_le_bytes()[..], &u16::try_from(name.len()).unwrap().to_le_bytes(), &padded(name)].concat();
    [
        block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]]),
        block(1, &[&link[..], &[0; 6], &option, &[0; 4]]),
        block(6, &[&[0; 12][..], &length, &length, &padded(&packet)]),
    ]
    .concat()
}

fn block(kind: u32, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}

#[test]
fn hostile_interface_name_is_escaped() {
    let file = pcapng(b"\x1b[31mred\xff", &message(false, b"example"));
    for arguments in [&[][..], &["--path"], &["--observations"]] {
        let (stdout, _) = read(&file, arguments);
        assert!(stdout.contains(r"\027[31mred"), "{stdout}");
        assert!(!stdout.contains('\x1b'), "{stdout}");
    }
    let (json, _) = read(&file, &["--format", "json", "--path"]);
    assert!(json.contains(r#""interface":"\u001b[31mred\ufffd""#), "{json}");
}

#[test]
fn hostile_file_name_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("\u{1b}[31mred\u{202e}\n.pcap");
    let again = folder.path().join("\u{9b}31m.pcapng");
    let mut file = pcap(&[message(false, b"example")]);
    let read = |path: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
        let output = command.arg("read").arg(path).args(["record", "-o"]).arg(&again).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let bad = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
        assert!(!stderr.contains(bad), "{stderr:?}");
        stderr
    };
    let stderr = read(&path);
    assert!(stderr.contains(r"\027[31mred\226\128\174\010.pcap: No such file"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    file.pop();
    std::fs::write(&path, file).unwrap();
    let stderr = read(&path);
    assert!(stderr.contains(r"\027[31mred\226\128\174\010.pcap: the file is cut off"), "{stderr}");
    assert!(stderr.contains(r"\194\15531m.pcapng"), "{stderr}");
}

#[test]
fn malicious_messages_end_in_a_counter() {
    let header = |rest: &[u8]| [&[0xbe, 0xef, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], rest].concat();
    let longest = [&[63][..], &[b'a'; 63], &[63], &[b'b'; 63], &[63], &[b'c'; 63], &[61], &[b'd'; 61], &[0]].concat();
    check_harmless(&[
        // A name that points at itself, two that point at each other, one that points behind the end.
        header(b"\xc0\x0c\0\x01\0\x01"),
        header(b"\x01a\0\0\x01\0\x01\xc0\x15\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\0\0\x01"),
        header(b"\x01a\0\0\x01\0\x01\xc0\xff\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\0\0\x01"),
        header(&[&longest[..], b"\0\x01\0\x01"].concat()),
        header(&[&longest[..], b"\x01"].concat()),
        vec![],
        vec![0xbe],
        vec![0xff; 512],
        vec![0; 512],
    ]);
}

#[test]
fn garbage_ends_in_a_counter() {
    // xorshift64: the same garbage each time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let base = message(true, b"example");
    let mut payloads = Vec::new();
    for _ in 0..4_000 {
        let mut payload = base.clone();
        for _ in 0..=next() % 4 {
            let at = usize::try_from(next()).unwrap() % payload.len();
            payload[at] = next().to_le_bytes()[0];
        }
        payload.truncate(usize::try_from(next() % 64).unwrap() + 8);
        payloads.push(payload);
    }
    check_harmless(&payloads);
}
