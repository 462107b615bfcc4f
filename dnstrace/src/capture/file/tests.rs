//! Capture files of every kind, made here or recorded.

use std::fmt::Write;

use super::order::Order;
use super::{CaptureFile, FileItem};

/// What a file holds, a line each: packets as `ns if direction layer bytes/wire`, then interfaces or an error.
pub(super) fn read(bytes: &[u8]) -> String {
    let (mut text, mut names) = (String::new(), String::new());
    let mut file = match CaptureFile::open(Chunks(bytes)) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let end = loop {
        let more = file.next(|item| match item {
            FileItem::Packet(packet) => {
                let (point, bytes) = (packet.point, packet.bytes.escape_ascii());
                write!(text, "{} if{} {:?} {:?} ", packet.time.0, point.ifindex, point.direction, packet.layer)
                    .unwrap();
                writeln!(text, "{bytes}/{}", packet.wire_len).unwrap();
                assert_eq!(packet.time.0, packet.wall.0);
            }
            FileItem::Interface(interface) => writeln!(names, "if{} is {}", interface.ifindex, interface.name).unwrap(),
            FileItem::Until(time) => writeln!(text, "until {}", time.0).unwrap(),
            FileItem::Owner(fact) => writeln!(text, "owner {fact}").unwrap(),
        });
        match more {
            Ok(true) => {}
            Ok(false) => break String::new(),
            Err(error) => break error.to_string(),
        }
    };
    assert!(!file.next(|_| panic!("a packet behind the end")).unwrap());
    let skipped = if file.skipped() > 0 { format!("skipped {}", file.skipped()) } else { String::new() };
    text + &names + &skipped + &end
}

/// Gives three bytes at a time, as a pipe may.
struct Chunks<'a>(&'a [u8]);

impl std::io::Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.len().min(buffer.len()).min(3);
        std::io::Read::read(&mut self.0, &mut buffer[..length])
    }
}

#[track_caller]
fn check(bytes: &[u8], expected: &[&str]) {
    assert_eq!(read(bytes).lines().collect::<Vec<_>>(), expected);
}

/// Numbers in the byte order of a file.
pub(super) struct Writer(pub(super) Order);

impl Writer {
    fn u16(&self, number: u16) -> Vec<u8> {
        match self.0 {
            Order::Little => number.to_le_bytes().to_vec(),
            Order::Big => number.to_be_bytes().to_vec(),
        }
    }

    fn u32(&self, number: u32) -> Vec<u8> {
        match self.0 {
            Order::Little => number.to_le_bytes().to_vec(),
            Order::Big => number.to_be_bytes().to_vec(),
        }
    }

    fn u32s(&self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.u32(*number)).collect()
    }

    pub(super) fn pcap(&self, magic: u32, link: u32) -> Vec<u8> {
        [self.u32(magic), self.u16(2), self.u16(4), self.u32s(&[0, 0, 65535, link])].concat()
    }

    pub(super) fn pcap_packet(&self, seconds: u32, fraction: u32, bytes: &[u8], wire_len: u32) -> Vec<u8> {
        let captured_len = u32::try_from(bytes.len()).unwrap();
        [self.u32s(&[seconds, fraction, captured_len, wire_len]), bytes.to_vec()].concat()
    }

    fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let body = padded(body);
        let length = u32::try_from(body.len() + 12).unwrap();
        [self.u32s(&[kind, length]), body, self.u32(length)].concat()
    }

    fn section(&self) -> Vec<u8> {
        self.block(0x0a0d_0d0a, &[self.u32(0x1a2b_3c4d), self.u16(1), self.u16(0), vec![0xff; 8]].concat())
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        [self.u16(code), self.u16(u16::try_from(value.len()).unwrap()), padded(value)].concat()
    }

    fn interface(&self, link: u16, options: &[Vec<u8>]) -> Vec<u8> {
        self.block(1, &[self.u16(link), self.u16(0), self.u32(5), options.concat(), self.option(0, b"")].concat())
    }

    fn named(&self, link: u16, name: &str) -> Vec<u8> {
        self.interface(link, &[self.option(2, name.as_bytes())])
    }

    fn enhanced(&self, interface: u32, ticks: u64, bytes: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let (high, low) = (u32::try_from(ticks >> 32).unwrap(), u32::try_from(ticks & 0xffff_ffff).unwrap());
        let captured_len = u32::try_from(bytes.len()).unwrap();
        let numbers = self.u32s(&[interface, high, low, captured_len, captured_len + 1]);
        self.block(6, &[numbers, padded(bytes), options.concat()].concat())
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

const ORDERS: [Writer; 2] = [Writer(Order::Little), Writer(Order::Big)];

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for writer in ORDERS {
        let packets = [writer.pcap_packet(1_700_000_000, 5, b"abc", 9), writer.pcap_packet(2, 6, b"", 0)].concat();
        let micros = [writer.pcap(0xa1b2_c3d4, 1), packets.clone()].concat();
        check(&micros, &["1700000000000005000 if0 Unknown Ethernet abc/9", "2000006000 if0 Unknown Ethernet /0"]);
        // The upper half of the link type tells of the frame check sequence.
        let nanos = [writer.pcap(0xa1b2_3c4d, 0x5400_0065), packets].concat();
        check(&nanos, &["1700000000000000005 if0 Unknown Ip abc/9", "2000000006 if0 Unknown Ip /0"]);
    }
}

#[test]
fn pcapng_in_both_orders() {
    for writer in ORDERS {
        let file = [
            writer.section(),
            writer.named(1, "eth0"),
            writer.interface(101, &[writer.option(9, &[9]), writer.option(1, b"a comment")]),
            writer.enhanced(0, 1_700_000_000_000_005, b"abc", &[]),
            writer.enhanced(1, 1_700_000_000_000_000_005, b"defg", &[writer.option(2, &writer.u32(2))]),
            writer.enhanced(0, 7, b"", &[writer.option(1, b"x"), writer.option(2, &writer.u32(1))]),
        ];
        let expected = [
            "1700000000000005000 if1 Unknown Ethernet abc/4",
            "1700000000000000005 if2 Out Ip defg/5",
            "7000 if1 In Ethernet /1",
            "if1 is eth0",
        ];
        check(&file.concat(), &expected);
    }
}

#[test]
fn other_blocks_of_packets_and_blocks_without() {
    for writer in ORDERS {
        let obsolete = [writer.u16(0), writer.u16(3), writer.u32s(&[0, 9, 2, 2]), padded(b"ob")].concat();
        let file = [
            writer.section(),
            writer.named(101, "tun0"),
            writer.block(4, b"name resolution"),
            writer.block(2, &obsolete),
            writer.block(5, b"interface statistics"),
            // The interface's snaplen is 5.
            writer.block(3, &[writer.u32(8), b"simple".to_vec()].concat()),
            writer.block(0xbad, b""),
        ];
        check(&file.concat(), &["9000 if1 Unknown Ip ob/2", "9000 if1 Unknown Ip simpl/8", "if1 is tun0"]);
    }
}

#[test]
fn sections_have_interfaces_of_their_own() {
    let [little, big] = ORDERS;
    let file = [
        little.section(),
        little.named(101, "eth0"),
        little.named(101, "cni0"),
        little.enhanced(1, 1, b"a", &[]),
        big.section(),
        big.named(101, "cni0"),
        big.named(101, "veth1"),
        big.enhanced(0, 2, b"b", &[]),
        big.enhanced(1, 3, b"c", &[]),
    ];
    let names = ["if1 is eth0", "if2 is cni0", "if3 is veth1"];
    let packets = ["1000 if2 Unknown Ip a/2", "2000 if2 Unknown Ip b/2", "3000 if3 Unknown Ip c/2"];
    check(&file.concat(), &[packets, names].concat());
}

#[test]
fn any_device_is_no_interface() {
    let [writer, _] = ORDERS;
    let sll2 = b"\x08\0\0\0\0\0\0\x07\0\x01\x04\x06\0\0\0\0\0\0\0\0E";
    let file = [writer.section(), writer.named(276, "any"), writer.enhanced(0, 1, sll2, &[])];
    check(&file.concat(), &["1000 if7 Out Ip E/2"]);
}

#[test]
fn interfaces_that_are_not_read_are_counted() {
    let [writer, _] = ORDERS;
    let file = [writer.section(), writer.named(189, "usb"), writer.enhanced(0, 1, b"u", &[]), writer.named(1, "eth0")];
    check(&file.concat(), &["if1 is usb", "if2 is eth0", "skipped 1"]);
}

#[test]
fn what_is_before_a_cut_is_given() {
    for writer in ORDERS {
        let pcap = [writer.pcap(0xa1b2_c3d4, 101), writer.pcap_packet(0, 1, b"abc", 3)].concat();
        let whole = pcap.len();
        let pcap = [pcap, writer.pcap_packet(0, 2, b"def", 3)].concat();
        for length in whole + 1..pcap.len() {
            check(&pcap[..length], &["1000 if0 Unknown Ip abc/3", "the file is cut off after 1 whole packets"]);
        }
        check(&pcap[..20], &["the file is cut off after 0 whole packets"]);

        let pcapng = [writer.section(), writer.interface(101, &[]), writer.enhanced(0, 1, b"abc", &[])].concat();
        let whole = pcapng.len();
        let pcapng = [pcapng, writer.enhanced(0, 2, b"def", &[])].concat();
        for length in whole + 1..pcapng.len() {
            check(&pcapng[..length], &["1000 if1 Unknown Ip abc/4", "the file is cut off after 1 whole packets"]);
        }
    }
}

#[test]
fn errors_name_their_cause() {
    let [writer, _] = ORDERS;
    check(b"", &["the file is empty"]);
    check(b"\xd4\xc3", &["neither a pcap, a pcapng nor a dnstap file"]);
    check(b"# a text", &["neither a pcap, a pcapng nor a dnstap file"]);
    check(&writer.pcap(0xa1b2_c3d4, 189), &["frames of link type 189, which dnstrace does not read"]);
    let long = [writer.pcap(0xa1b2_c3d4, 1), writer.u32s(&[0, 0, 1 << 30, 0])].concat();
    check(&long, &["a packet or block of 1073741824 bytes"]);
    let ng = |blocks: &[Vec<u8>]| [writer.section(), blocks.concat()].concat();
    check(&ng(&[writer.u32s(&[6, 1 << 30, 0])]), &["a packet or block of 1073741824 bytes"]);
    check(&ng(&[writer.u32s(&[6, 8, 0])]), &["malformed block length"]);
    check(&ng(&[writer.block(6, b"")]), &["malformed block"]);
    check(&ng(&[writer.enhanced(0, 1, b"", &[])]), &["malformed interface of a packet"]);
    check(&ng(&[writer.block(3, &[0; 8])]), &["malformed interface of a packet"]);
    let beyond = writer.block(6, &writer.u32s(&[0, 0, 0, 100, 100]));
    check(&ng(&[writer.interface(1, &[]), beyond]), &["malformed packet length"]);
    check(b"\x0a\x0d\x0d\x0a\x1c\0\0\0????", &["malformed section header"]);
}

#[test]
fn changed_files_do_no_harm() {
    let [writer, _] = ORDERS;
    let blocks = [writer.named(1, "eth0"), writer.enhanced(0, 1, b"abc", &[]), writer.block(3, &[0; 12])];
    let file = [writer.section(), blocks.concat()].concat();
    for at in 0..file.len() {
        for value in [0, 1, 2, 3, 5, 6, 0x7f, 0x80, 0xff] {
            let mut changed = file.clone();
            changed[at] = value;
            read(&changed);
        }
    }
}
