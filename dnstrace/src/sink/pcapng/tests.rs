//! What is recorded is read back: packets to files, and these to packets.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::*;
use crate::capture::file::{CaptureFile, FileItem, Origin};
use crate::capture::live::HookCounts;
use crate::capture::{BootTime, Counter, Direction, Hook, Layer, Packet, Point, Process, Socket, Transport, WallTime};
use crate::decode::Header;
use crate::join::{MessageCopy, Outcome, Transaction, TransactionId};
use crate::owner::{Interfaces, Owner, Who};
use crate::sink::{Filter, WhenFull};

/// Wall clock minus boot time.
const EPOCH: u64 = 1_795_442_602_000_000_000;

fn options(count: Option<u64>, rotation: Rotation) -> RecorderOptions {
    let maker = Maker {
        origin: Some(Origin { node: "node-a".into(), boot: "1f".into() }),
        hardware: "x86_64".into(),
        system: "Linux".into(),
        addresses: vec![("10.0.0.1".parse().unwrap(), "node-a".into())],
    };
    RecorderOptions { maker, filter: Filter::default(), count, rotation, when_full: WhenFull::Drop }
}

fn recorder() -> (Recorder, Receiver<Chunk>) {
    Recorder::new(options(None, Rotation::default()))
}

fn packet(at: u64, bytes: &[u8]) -> Packet<'_> {
    Packet {
        time: BootTime(at),
        wall: WallTime(EPOCH + at),
        point: Point { hook: Hook::Device, direction: Direction::Out, ifindex: 3, netns: 7 },
        layer: Layer::Ethernet,
        wire_len: u32::try_from(bytes.len()).unwrap(),
        bytes,
        vlan: None,
        gso_size: 0,
        later_fragments: false,
        dropped: None,
        hop_id: None,
        socket: Socket::default(),
    }
}

fn message(transaction: u64) -> SeenMessage {
    let (src, dst) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    SeenMessage { transaction: TransactionId(transaction), src, dst }
}

fn end(recorder: &mut Recorder, at: u64) {
    recorder.finish(BootTime(at), &known(&Interfaces::default()));
    recorder.end();
}

/// With nobody known. An owner is leaked for it, which ends with the test.
fn known(interfaces: &Interfaces) -> Known<'_> {
    Known { interfaces, owner: Box::leak(Box::new(Owner::files(1))) }
}

/// The files that came through the channel.
fn files(chunks: &Receiver<Chunk>) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for chunk in chunks.try_iter() {
        match chunk {
            Chunk::Begin(_) => files.push(Vec::new()),
            Chunk::Blocks { bytes, .. } => files.last_mut().unwrap().extend(bytes),
        }
    }
    files
}

/// What a file says, a line each.
fn read(file: &[u8]) -> Vec<String> {
    let mut file = CaptureFile::open(file).unwrap();
    let mut lines = Vec::new();
    let mut add = |item: FileItem<'_>| lines.push(shown(&item));
    while file.next(&mut add).unwrap() {}
    lines
}

fn shown(item: &FileItem<'_>) -> String {
    match item {
        // A file has the wall clock's time only.
        FileItem::Packet(packet) => format!("{:?}", Packet { time: BootTime(packet.time.0 - EPOCH), ..**packet }),
        FileItem::Interface(interface) => format!("{}:{} is {}", interface.netns, interface.ifindex, interface.name),
        FileItem::Until(time) => format!("until {}", time.0 - EPOCH),
        FileItem::Owner(fact) => format!("owner {fact}"),
    }
}

/// Records packets and reads them back.
#[track_caller]
fn check(packets: &[Packet<'_>], interfaces: &Interfaces, expected: &[&str]) {
    let (mut recorder, chunks) = recorder();
    for packet in packets {
        recorder.packet(packet, &[message(1)], &known(interfaces));
    }
    end(&mut recorder, 9);
    let [file] = &files(&chunks)[..] else { panic!("one file") };
    assert_eq!(read(file), expected);
}

#[test]
fn packet_is_read_back_with_all_that_is_known_of_it() {
    let process = Process { tgid: 2211, uid: Some(1000), comm: *b"a\\b\x1bcurl\0\0\0\0\0\0\0\0" };
    let socket =
        Socket { cookie: Some(u64::MAX), cgroup_id: Some(5269), netns: Some(4_026_532_247), process: Some(process) };
    let point = Point { hook: Hook::Socket, direction: Direction::In, ifindex: 2, netns: 4_026_532_247 };
    let at_socket = Packet { point, layer: Layer::Ip, socket, gso_size: 1448, ..packet(1, b"Esocket") };
    let at_device = Packet { socket, hop_id: Some(1), ..packet(2, b"ethernet frame") };
    let cut = Packet { wire_len: 1500, ..packet(3, b"cut") };
    let other = Packet { later_fragments: true, ..packet(4, b"of tcpdump") };
    let (src, dst) = ("[fd00::1]:4000".parse().unwrap(), "[::]:0".parse().unwrap());
    let told = |transport, at| Packet {
        point: Point { ifindex: 1, netns: 0, ..point },
        layer: Layer::Message { src, dst, transport },
        ..packet(at, b"a message")
    };
    let all = [at_socket, at_device, cut, other, told(Transport::Udp, 5), told(Transport::Tcp, 6)];
    let mut expected: Vec<String> = all.iter().map(|packet| format!("{packet:?}")).collect();
    expected.extend(["until 9"; 4].map(str::to_owned));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&all, &Interfaces::default(), &expected);
}

#[test]
fn tag_that_the_device_took_off_stands_in_the_frame() {
    let tagged = Packet { vlan: Some(0x123), ..packet(1, b"twelve bytes\x08\0E") };
    let read = packet(1, b"twelve bytes\x81\0\x01\x23\x08\0E");
    check(&[tagged], &Interfaces::default(), &[&format!("{read:?}"), "until 9"]);
}

#[test]
fn interfaces_keep_their_names_also_those_that_only_a_socket_saw() {
    let mut owner = Owner::files(1);
    for (ifindex, name) in [(3, "eth0"), (4, "cni0")] {
        owner.add(&crate::capture::file::FileInterface { netns: 7, ifindex, name: name.into() });
    }
    let interfaces = owner.interfaces(std::iter::empty(), BootTime(0));
    let at_socket = |ifindex, at| Packet {
        point: Point { hook: Hook::Socket, direction: Direction::Out, ifindex, netns: 7 },
        layer: Layer::Ip,
        socket: Socket { netns: Some(7), ..Socket::default() },
        ..packet(at, b"E")
    };
    let packets = [packet(1, b"frame"), at_socket(4, 2), at_socket(3, 3)];
    let lines: Vec<String> = packets.iter().map(|packet| format!("{packet:?}")).collect();
    let [device, socket, known] = [&*lines[0], &*lines[1], &*lines[2]];
    let until = "until 9";
    check(&packets, &interfaces, &["7:3 is eth0", device, "7:4 is cni0", socket, known, until, until, until]);
}

#[test]
fn step_of_the_wall_clock_changes_no_duration() {
    let stepped = Packet { wall: WallTime(EPOCH - 5_000_000_000), ..packet(1_000, b"b") };
    let (mut recorder, chunks) = recorder();
    for packet in [packet(500, b"a"), stepped] {
        recorder.packet(&packet, &[], &known(&Interfaces::default()));
    }
    end(&mut recorder, 2_000);
    let mut times = Vec::new();
    let bytes = files(&chunks).concat();
    let mut file = CaptureFile::open(&bytes[..]).unwrap();
    let mut add = |item: FileItem<'_>| match item {
        FileItem::Packet(packet) => times.push((packet.time.0, packet.wall.0)),
        FileItem::Until(time) => times.push((time.0, 0)),
        FileItem::Interface(_) | FileItem::Owner(_) => {}
    };
    while file.next(&mut add).unwrap() {}
    let zero = times[0].0 - 500;
    let since: Vec<u64> = times.iter().map(|(time, _)| time - zero).collect();
    assert_eq!(since, [500, 1_000, 2_000]);
    assert_eq!(times[1].1, EPOCH - 5_000_000_000);
}

#[test]
fn file_ends_before_it_is_too_large() {
    let size = 4_000;
    let (mut recorder, chunks) = Recorder::new(options(None, Rotation { size: Some(size), every: None }));
    for at in 0..100 {
        recorder.packet(&packet(at, &[0; 200]), &[message(at)], &known(&Interfaces::default()));
    }
    end(&mut recorder, 100);
    let files = files(&chunks);
    assert!(files.len() > 5 && files.iter().all(|file| file.len() as u64 <= size), "{} files", files.len());
    let packets = files.iter().flat_map(|file| read(file)).filter(|line| line.starts_with("Packet")).count();
    assert_eq!((packets, recorder.counts().recorded), (100, 100));
}

#[test]
fn file_ends_when_its_time_is_over_with_packets_or_without() {
    let every = Some(Duration::from_nanos(10));
    let (mut recorder, chunks) = Recorder::new(options(None, Rotation { size: None, every }));
    let interfaces = Interfaces::default();
    let begun = || chunks.try_iter().filter(|chunk| matches!(chunk, Chunk::Begin(_))).count();
    for at in [1, 10, 11, 12] {
        recorder.packet(&packet(at, b"frame"), &[], &known(&interfaces));
    }
    recorder.tick(BootTime(20), &known(&interfaces));
    assert_eq!(begun(), 2);
    recorder.tick(BootTime(21), &known(&interfaces));
    assert_eq!(begun(), 0, "another file begins with a packet");
    recorder.packet(&packet(30, b"frame"), &[], &known(&interfaces));
    end(&mut recorder, 31);
    assert_eq!(begun(), 1);
}

#[test]
fn as_many_packets_as_asked_for_end_it() {
    let (mut recorder, chunks) = Recorder::new(options(Some(2), Rotation::default()));
    for at in 0..3 {
        assert_eq!(recorder.has_ended(), at == 2);
        recorder.packet(&packet(at, b"frame"), &[], &known(&Interfaces::default()));
    }
    end(&mut recorder, 3);
    assert_eq!(read(&files(&chunks).concat()).len(), 3);
    assert_eq!((recorder.counts().recorded, recorder.counts().after_end), (2, 1));
}

#[test]
fn writer_that_does_not_keep_up_loses_packets_and_the_file_tells_how_many() {
    let (mut recorder, chunks) = recorder();
    let large = vec![0; 60_000];
    let mut hooks = HookCounts::default();
    hooks.0[Hook::Device as usize][Counter::RingFull as usize] = 5;
    for at in 0..300 {
        recorder.packet(&packet(at, &large), &[], &known(&Interfaces::default()));
    }
    let counts = recorder.counts();
    assert!(counts.dropped > 100 && counts.recorded + counts.dropped == 300, "{counts:?}");
    recorder.hooks(&hooks);
    let writer = std::thread::spawn(move || chunks.iter().collect::<Vec<_>>());
    end(&mut recorder, 300);
    drop(recorder);
    let mut bytes = Vec::new();
    for chunk in writer.join().unwrap() {
        if let Chunk::Blocks { bytes: blocks, .. } = chunk {
            bytes.extend(blocks);
        }
    }
    let mut file = CaptureFile::open(&bytes[..]).unwrap();
    let mut packets = 0;
    while file.next(|item| packets += u64::from(matches!(item, FileItem::Packet(_)))).unwrap() {}
    assert_eq!((packets, file.lost()), (counts.recorded, counts.dropped + 5));
}

#[test]
fn what_was_lost_before_is_not_forgotten() {
    let (mut recorder, chunks) = recorder();
    recorder.packet(&packet(1, b"frame"), &[], &known(&Interfaces::default()));
    recorder.lost_before(7);
    end(&mut recorder, 2);
    let bytes = files(&chunks).concat();
    let mut file = CaptureFile::open(&bytes[..]).unwrap();
    while file.next(|_| {}).unwrap() {}
    assert_eq!(file.lost(), 7);
}

#[test]
fn writer_that_is_gone_ends_it() {
    let (mut recorder, chunks) = recorder();
    drop(chunks);
    recorder.packet(&packet(1, b"frame"), &[], &known(&Interfaces::default()));
    recorder.tick(BootTime(1), &known(&Interfaces::default()));
    assert!(recorder.has_ended());
    end(&mut recorder, 2);
}

#[test]
fn recording_without_packets_is_a_file() {
    let (mut recorder, chunks) = recorder();
    end(&mut recorder, 2);
    assert_eq!(read(&files(&chunks).concat()), Vec::<String>::new());
}

fn ended(id: u64, rcode: u16) -> Transaction {
    let header = Header { id: 1, flags: 0x8000 | rcode, counts: [0; 4] };
    let response = MessageCopy { bytes: bytes::Bytes::new(), wire_len: 12, header };
    let address = "10.0.0.1:53".parse().unwrap();
    let (id, response) = (TransactionId(id), Some(response));
    Transaction { id, response, outcome: Outcome::Answered, ..Transaction::between(address, address) }
}

#[test]
fn packets_wait_for_what_a_filter_asks_for() {
    let filter = Filter { rcodes: vec![3], ..Filter::default() };
    let (mut recorder, chunks) = Recorder::new(RecorderOptions { filter, ..options(None, Rotation::default()) });
    let interfaces = Interfaces::default();
    recorder.packet(&packet(1, b"of 1"), &[message(1)], &known(&interfaces));
    recorder.packet(&packet(2, b"of 2"), &[message(2)], &known(&interfaces));
    recorder.packet(&packet(3, b"of none"), &[], &known(&interfaces));
    recorder.packet(&packet(4, b"of both"), &[message(1), message(2)], &known(&interfaces));
    recorder.transaction(&ended(2, 3), &Who::default(), &Owner::files(1));
    recorder.tick(BootTime(5), &known(&interfaces));
    assert_eq!(recorder.counts(), RecordCounts::default(), "the first is not decided");
    recorder.transaction(&ended(1, 0), &Who::default(), &Owner::files(1));
    recorder.packet(&packet(6, b"of 1 again"), &[message(1)], &known(&interfaces));
    recorder.packet(&packet(7, b"of 9, which did not end"), &[message(9)], &known(&interfaces));
    end(&mut recorder, 8);
    let file = files(&chunks).concat();
    let lines = read(&file);
    let kept: Vec<&str> = ["of 2", "of none", "of both", "of 9, which did not end"].into();
    assert_eq!(lines.len(), kept.len() + 1, "{lines:#?}");
    for (line, bytes) in lines.iter().zip(kept) {
        assert!(line.contains(&format!("{:?}", bytes.as_bytes())), "{line} is not {bytes}");
    }
    let counts = recorder.counts();
    assert_eq!((counts.recorded, counts.filtered, counts.undecided), (4, 2, 1));
}

#[test]
fn what_cannot_wait_any_longer_is_kept() {
    let filter = Filter { rcodes: vec![3], ..Filter::default() };
    let (mut recorder, chunks) = Recorder::new(RecorderOptions { filter, ..options(None, Rotation::default()) });
    let writer = std::thread::spawn(move || chunks.iter().count());
    for at in 0..300 {
        recorder.packet(&packet(at, &vec![0; 60_000]), &[message(1)], &known(&Interfaces::default()));
    }
    let counts = recorder.counts();
    assert!(counts.undecided > 0 && counts.undecided == counts.recorded + counts.dropped, "{counts:?}");
    drop(recorder);
    assert!(writer.join().unwrap() > 0);
}
