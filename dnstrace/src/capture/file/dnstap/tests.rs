//! Frame Streams files, made here or recorded.

use super::IDENTITIES_MAX;
use crate::capture::file::tests::read;

/// Field of a protocol buffer that is a number.
fn number(tag: u8, mut value: u64) -> Vec<u8> {
    let mut bytes = vec![tag << 3];
    while value > 0x7f {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// Field of a protocol buffer that is bytes.
fn bytes(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut field = number(tag, value.len() as u64);
    field[0] |= 2;
    [&field, value].concat()
}

/// Field of a protocol buffer that is four bytes.
fn fixed(tag: u8, value: u32) -> Vec<u8> {
    [&[tag << 3 | 5][..], &value.to_le_bytes()].concat()
}

fn data(frame: &[u8]) -> Vec<u8> {
    [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
}

fn control(kind: u8, content_type: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, kind];
    if !content_type.is_empty() {
        frame.extend([[0, 0, 0, 1], u32::try_from(content_type.len()).unwrap().to_be_bytes()].concat());
        frame.extend(content_type);
    }
    [&[0; 4], &data(&frame)[..]].concat()
}

fn start() -> Vec<u8> {
    control(2, b"protobuf:dnstap.Dnstap")
}

fn stop() -> Vec<u8> {
    control(3, b"")
}

/// A file of these frames.
fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    [start(), frames.concat(), stop()].concat()
}

/// A data frame: the event of a server.
fn event(identity: &str, message: &[Vec<u8>]) -> Vec<u8> {
    data(&[bytes(1, identity.as_bytes()), bytes(2, b"version"), bytes(14, &message.concat()), number(15, 1)].concat())
}

/// Over UDP, between 10.0.0.5:40000 and 10.0.0.10:53.
fn addressed(kind: u64) -> Vec<Vec<u8>> {
    let addresses = [bytes(4, &[10, 0, 0, 5]), bytes(5, &[10, 0, 0, 10]), number(6, 40000), number(7, 53)];
    [number(1, kind), number(2, 1), number(3, 1)].into_iter().chain(addresses).collect()
}

fn query(kind: u64) -> Vec<Vec<u8>> {
    [addressed(kind), vec![number(8, 1), fixed(9, 5), bytes(10, b"ask")]].concat()
}

/// Has the time of the query, as most servers tell it.
fn response(kind: u64) -> Vec<Vec<u8>> {
    let times = vec![number(8, 1), fixed(9, 5), number(12, 2), fixed(13, 7)];
    [addressed(kind), times, vec![bytes(14, b"tell")]].concat()
}

/// Has the query, too.
fn both(kind: u64) -> Vec<Vec<u8>> {
    [response(kind), vec![bytes(10, b"ask")]].concat()
}

#[track_caller]
fn check(file: &[u8], expected: &[&str]) {
    assert_eq!(read(file).lines().collect::<Vec<_>>(), expected);
}

const ASKED: &str = "Message { src: 10.0.0.5:40000, dst: 10.0.0.10:53, transport: Udp } ask/3";
const TOLD: &str = "Message { src: 10.0.0.10:53, dst: 10.0.0.5:40000, transport: Udp } tell/4";

#[test]
fn queries_come_in_where_a_server_answers_and_go_out_where_it_asks() {
    let (answers, asks) = (["In", "Out"], ["Out", "In"]);
    // AUTH, RESOLVER, CLIENT, FORWARDER, STUB, TOOL, UPDATE.
    for (role, [query_way, response_way]) in (0..).zip([answers, asks, answers, asks, asks, asks, answers]) {
        let file = file(&[event("", &query(2 * role + 1)), event("", &response(2 * role + 2))]);
        let asked = format!("1000000005 if0 {query_way} {ASKED}");
        check(&file, &[&asked, &format!("2000000007 if0 {response_way} {TOLD}")]);
    }
}

#[test]
fn response_brings_a_query_that_is_not_told_by_itself() {
    let [asked, told] = [format!("1000000005 if0 In {ASKED}"), format!("2000000007 if0 Out {TOLD}")];
    check(&file(&[event("", &both(6)), event("", &both(6))]), &[&asked, &told, &asked, &told]);
    check(&file(&[event("", &query(5)), event("", &both(6))]), &[&asked, &told]);
    // Another role, or another server, tells them as it wants.
    check(&file(&[event("", &query(1)), event("", &both(6))]), &[&asked, &asked, &told]);
    let expected = [&asked, &asked.replace("if0", "if1"), &told.replace("if0", "if1"), "if1 is other"];
    check(&file(&[event("", &query(5)), event("other", &both(6))]), &expected);
    // A query without its message tells nothing.
    let empty = event("", &addressed(5));
    check(&file(&[empty, event("", &both(6))]), &[&asked, &told, "skipped 1"]);
}

#[test]
fn what_is_below_encryption_is_the_transport() {
    for (protocol, transport) in [(1, "Udp"), (2, "Tcp"), (3, "Tcp"), (4, "Tcp"), (5, "Udp"), (6, "Tcp"), (7, "Udp")] {
        let event = event("", &[query(5), vec![number(3, protocol)]].concat());
        check(&file(&[event]), &[&format!("1000000005 if0 In {}", ASKED.replace("Udp", transport))]);
    }
    check(&file(&[event("", &[query(5), vec![number(3, 8)]].concat())]), &["skipped 1"]);
}

#[test]
fn what_is_not_told_is_unspecified_or_as_before() {
    let v4 = event("", &[number(1, 5), number(3, 1), bytes(10, b"a")]);
    let v6 = event("", &[number(1, 5), number(2, 2), number(3, 1), bytes(5, &[0xfd; 16]), bytes(10, b"b")]);
    let odd = event("", &[number(1, 5), number(3, 1), bytes(4, &[1; 5]), number(6, 65536), bytes(10, b"c")]);
    let expected = [
        "0 if0 In Message { src: 0.0.0.0:0, dst: 0.0.0.0:0, transport: Udp } a/1".to_owned(),
        format!("1000000005 if0 In {ASKED}"),
        "1000000005 if0 In Message { src: [::]:0, dst: [fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:0, transport: Udp } b/1"
            .to_owned(),
        "1000000005 if0 In Message { src: 0.0.0.0:0, dst: 0.0.0.0:0, transport: Udp } c/1".to_owned(),
    ];
    check(&file(&[v4, event("", &query(5)), v6, odd]), &expected.each_ref().map(String::as_str));
    let late = event("", &[query(5), vec![number(8, u64::MAX)]].concat());
    check(&file(&[late]), &[&format!("{} if0 In {ASKED}", u64::MAX)]);
}

#[test]
fn servers_have_numbers_and_names() {
    let long = "x".repeat(300);
    let told = ["b", "a", "", "b", &long].map(|identity| event(identity, &query(5)));
    let packets = [1, 2, 0, 1, 3].map(|number| format!("1000000005 if{number} In {ASKED}"));
    let names = ["if1 is b".to_owned(), "if2 is a".to_owned(), format!("if3 is {}", &long[..255])];
    let expected: Vec<&str> = packets.iter().chain(&names).map(String::as_str).collect();
    check(&file(&told), &expected);
}

#[test]
fn servers_beyond_the_bound_have_no_number() {
    let told: Vec<Vec<u8>> = (0..=IDENTITIES_MAX).map(|number| event(&number.to_string(), &query(5))).collect();
    let text = read(&file(&told));
    assert_eq!(text.matches(" if4096 In").count(), 1);
    assert_eq!(text.matches(" if0 In").count(), 1);
    assert!(text.ends_with("if4096 is 4095\n"));
}

#[test]
fn frames_without_a_message_are_counted() {
    let frames = [
        data(b"\xff\xff\xff"),
        data(&[bytes(14, &query(5).concat()), number(15, 2)].concat()),
        data(&number(15, 1)),
        event("", &query(0)),
        event("", &query(15)),
        event("", &addressed(5)),
        event("", &[response(6), vec![b"\x0a\x7f".to_vec()]].concat()),
        event("", &query(5)),
    ];
    check(&file(&frames), &[&format!("1000000005 if0 In {ASKED}"), "skipped 7"]);
}

#[test]
fn streams_may_be_answered_unended_and_one_after_another() {
    let asked = format!("1000000005 if0 In {ASKED}");
    let one = file(&[event("", &query(5))]);
    let ready = control(4, b"protobuf:dnstap.Dnstap");
    let accept = control(1, b"protobuf:dnstap.Dnstap");
    check(&[&ready[..], &one, &control(5, b"")].concat(), &[&asked]);
    check(&[&accept[..], &one].concat(), &[&asked]);
    check(one.strip_suffix(&stop()[..]).unwrap(), &[&asked]);
    check(&[&one[..], &one].concat(), &[&asked, &asked]);
    check(&file(&[]), &[]);
}

#[test]
fn what_is_before_a_cut_is_given() {
    let asked = format!("1000000005 if0 In {ASKED}");
    let whole = [start(), event("", &query(5))].concat();
    let longer = [&whole[..], &event("", &query(5))].concat();
    for length in whole.len() + 1..longer.len() {
        check(&longer[..length], &[&asked, "the file is cut off after 1 whole packets"]);
    }
    for length in 12..start().len() {
        check(&start()[..length], &["the file is cut off after 0 whole packets"]);
    }
}

#[test]
fn errors_name_their_cause() {
    let none = "neither a pcap, a pcapng nor a dnstap file";
    check(&[0; 64], &[none]);
    check(&start()[..11], &[none]);
    check(&control(3, b""), &[none]);
    check(&control(2, b"\x1b[31m"), &["Frame Streams of \"\\x1b[31m\", not of dnstap"]);
    check(&control(2, b""), &["Frame Streams of \"\", not of dnstap"]);
    check(&control(2, &[b'x'; 600]), &["malformed control frame"]);
    check(&[control(4, b"x"), event("", &query(5))].concat(), &["malformed control frame"]);
    check(&[start(), vec![0, 0x10, 0, 1]].concat(), &["a packet or block of 1048577 bytes"]);
    check(&[start(), vec![0xff; 4]].concat(), &["a packet or block of 4294967295 bytes"]);
    check(&[start(), control(6, b"")].concat(), &["malformed control frame"]);
    check(&[start(), vec![0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3]].concat(), &["malformed control frame"]);
}

#[test]
fn changed_files_do_no_harm() {
    let made = file(&[event("a", &query(5)), event("", &both(6))]);
    for at in 0..made.len() {
        for value in [0, 1, 2, 3, 5, 0x7f, 0x80, 0xff] {
            let mut changed = made.clone();
            changed[at] = value;
            read(&changed);
        }
    }
    let recorded = include_bytes!("../../../../../tests/captures/unbound.dnstap");
    for at in 0..recorded.len() {
        let mut changed = recorded.to_vec();
        changed[at] ^= 1 << (at % 8);
        read(&changed);
    }
}
