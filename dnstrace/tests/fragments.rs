//! Fragments on their way through a node, as a capture file has them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::process::{Command, Stdio};

/// `LINKTYPE_LINUX_SLL2`: every frame says which interface it was on.
const SLL2: u32 = 276;
/// What the first fragment has of the response: with less than 512 bytes of a message, the join does not know it again.
const FIRST: usize = 576;

/// A frame that came in on `ifindex`, so many microseconds after the capture's beginning.
fn frame(at_us: u32, ifindex: u8, ip: &[u8]) -> Vec<u8> {
    let sll2 = [&[8, 0, 0, 0, 0, 0, 0, ifindex][..], &[0; 12], ip].concat();
    let length = u32::try_from(sll2.len()).unwrap();
    let record = [1_700_000_000, at_us, length, length].map(u32::to_le_bytes).concat();
    [record, sll2].concat()
}

fn ipv4(part: u16, ends: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let [part_high, part_low] = part.to_be_bytes();
    let start = [0x45, 0, length[0], length[1], 0, 7, part_high, part_low, 64, 17, 0, 0];
    [&start[..], &[10, 0, 0, ends[0]], &[10, 0, 0, ends[1]], payload].concat()
}

fn udp(ports: [u16; 2], message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + message.len()).unwrap();
    let header = [ports[0], ports[1], length, 0].map(u16::to_be_bytes).concat();
    [&header[..], message].concat()
}

fn message(flags: u16, answers: &[u8]) -> Vec<u8> {
    let header = [0xbeef, flags, 1, u16::from(!answers.is_empty()), 0, 0].map(u16::to_be_bytes).concat();
    [&header[..], b"\x07example\0\0\x10\0\x01", answers].concat()
}

/// A query and the first and second fragment of its response.
fn exchange() -> [Vec<u8>; 3] {
    // A TXT record of four strings of 255 bytes.
    let text = [&[255][..], &[b'a'; 255]].concat().repeat(4);
    let record = [&[0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 30, 4, 0][..], &text].concat();
    let response = udp([53, 40_000], &message(0x8180, &record));
    let (first, second) = response.split_at(FIRST);
    let offset = u16::try_from(FIRST / 8).unwrap();
    [
        ipv4(0, [1, 2], &udp([40_000, 53], &message(0x0100, b""))),
        ipv4(0x2000, [2, 1], first),
        ipv4(offset, [2, 1], second),
    ]
}

/// What `dnstrace read` shows of frames: the path, and the sums.
fn read(frames: &[Vec<u8>]) -> String {
    let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, SLL2].map(u32::to_le_bytes).concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    command.args(["read", "-", "--path"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&[header, frames.concat()].concat()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat()
}

/// What goes by meanwhile: time passes with it.
fn others() -> impl Iterator<Item = Vec<u8>> {
    let ip = ipv4(0, [3, 4], &udp([123, 123], &[0; 48]));
    (0..1_000).map(move |number| frame(number * 500, 9, &ip))
}

/// Exchanges whose second fragment was seen on some of the four interfaces only.
#[track_caller]
fn check_path(second_seen: usize) {
    let [query, first, second] = exchange();
    let there = (1..=4).map(|hop| frame(2_000 * u32::from(hop), hop, &query));
    let back = |at_us, ip: Vec<u8>| (1..=4).map(move |hop| frame(at_us + 2_000 * u32::from(hop), 5 - hop, &ip));
    let response = back(20_000, first).chain(back(20_010, second).take(second_seen));
    let mut frames: Vec<Vec<u8>> = there.chain(response).chain(others()).collect();
    frames.sort_by_key(|frame| u32::from_le_bytes(*frame[4..].first_chunk().unwrap()));
    let text = read(&frames);
    let hops: Vec<&str> =
        text.lines().filter(|line| line.starts_with("    ") && line.contains(" ms  response")).collect();
    assert_eq!(hops.len(), 4, "{text}");
    assert!(text.contains("transactions  1: 1 answered"), "{text}");
    assert!(!text.contains("does not add up"), "{text}");
    assert_eq!(text.contains("captured in part"), second_seen == 0, "{text}");
}

#[test]
fn path_of_a_response_is_whole_where_only_its_first_fragment_was_seen() {
    check_path(0);
    check_path(2);
    check_path(4);
}
