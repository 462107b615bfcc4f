//! The kernel half, one packet at a time: what each program returns, counts and captures.

use dnstrace::capture::{Counter, Direction, Hook, Layer, Packet};
use dnstrace_tests::frame::{
    IPV4, IPV6, QUERY, SERVICE_VLAN, TCP, UDP, VLAN, ethernet, extension, fragment, ipv4, ipv6, tag, tcp, udp,
};
use dnstrace_tests::skip::{is_root, skip};
use dnstrace_tests::test_run::{KernelHalf, Ran};

const RING: u32 = 1 << 20;
const SNAPLEN: u32 = 65_536;

/// Every program a packet can enter by, and what it must return for each: 1 lets pass, 0 keeps nothing.
const PROGRAMS: [(&str, u32); 6] = [
    ("socket_in", 1),
    ("socket_out", 1),
    ("device", 0),
    ("socket_in_slow", 1),
    ("socket_out_slow", 1),
    ("device_slow", 0),
];

/// Programs as they are attached.
const ENTRIES: [&str; 3] = ["socket_in", "socket_out", "device"];

/// Under this on 6.1, where states multiply; the newest kernels need a tenth.
const INSTRUCTIONS_MAX: u32 = 50_000;

fn kernel_half(ring: u32, snaplen: u32) -> Option<KernelHalf> {
    if !is_root() {
        skip("kernel", "loading eBPF needs root");
        return None;
    }
    Some(KernelHalf::load(ring, snaplen).expect("the kernel half loads"))
}

/// What a packet must become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Emitted,
    Ignored,
    Lost(Counter),
}

use Fate::{Emitted, Ignored, Lost};

/// Frames that every hook must treat alike.
fn frames() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let query = udp(40_000, 53, QUERY);
    let over_tcp = tcp(40_000, 53, 0x18, b"\0\x1b");
    let v4 = |payload: &[u8]| ethernet(IPV4, &ipv4(UDP, &[], 0, payload));
    let v6 = |payload: &[u8]| ethernet(IPV6, &ipv6(UDP, payload));
    vec![
        ("UDP over IPv4", v4(&query), Emitted),
        ("UDP over IPv6", v6(&query), Emitted),
        ("a response", v4(&udp(53, 40_000, QUERY)), Emitted),
        ("the second port of the set", v6(&udp(5353, 5353, QUERY)), Emitted),
        ("another port, IPv4", v4(&udp(40_000, 54, QUERY)), Ignored),
        ("another port, IPv6", v6(&udp(40_000, 443, QUERY)), Ignored),
        ("ICMP", ethernet(IPV4, &ipv4(1, &[], 0, &query)), Ignored),
        ("ICMPv6", ethernet(IPV6, &ipv6(58, &query)), Ignored),
        ("TCP with payload", ethernet(IPV4, &ipv4(TCP, &[], 0, &over_tcp)), Emitted),
        ("TCP over IPv6", ethernet(IPV6, &ipv6(TCP, &over_tcp)), Emitted),
        ("SYN", ethernet(IPV4, &ipv4(TCP, &[], 0, &tcp(40_000, 53, 0x02, &[]))), Emitted),
        ("FIN", ethernet(IPV4, &ipv4(TCP, &[], 0, &tcp(40_000, 53, 0x11, &[]))), Emitted),
        ("RST", ethernet(IPV6, &ipv6(TCP, &tcp(53, 40_000, 0x04, &[]))), Emitted),
        ("a bare ACK", ethernet(IPV4, &ipv4(TCP, &[], 0, &tcp(40_000, 53, 0x10, &[]))), Lost(Counter::NoPayload)),
        ("a bare ACK, padded", padded_ack(), Lost(Counter::NoPayload)),
        ("IPv4 options", ethernet(IPV4, &ipv4(UDP, &[1; 12], 0, &query)), Emitted),
        ("IPv4 options, another port", ethernet(IPV4, &ipv4(UDP, &[1; 4], 0, &udp(1, 2, QUERY))), Ignored),
        ("first fragment, IPv4", ethernet(IPV4, &ipv4(UDP, &[], 0x2000, &query)), Emitted),
        ("later fragment, IPv4", ethernet(IPV4, &ipv4(UDP, &[], 0x00b9, &query)), Lost(Counter::Fragment)),
        ("later fragment of ICMP", ethernet(IPV4, &ipv4(1, &[], 0x00b9, &query)), Ignored),
        ("do not fragment", ethernet(IPV4, &ipv4(UDP, &[], 0x4000, &query)), Emitted),
        ("hop-by-hop header", ethernet(IPV6, &ipv6(0, &extension(UDP, &query))), Emitted),
        ("three extension headers", three_extensions(&query), Emitted),
        ("first fragment, IPv6", ethernet(IPV6, &ipv6(44, &fragment(UDP, 1, &query))), Emitted),
        ("later fragment, IPv6", ethernet(IPV6, &ipv6(44, &fragment(UDP, 0x05a8, &query))), Lost(Counter::Fragment)),
        ("ends before its ports, IPv4", ethernet(IPV4, &ipv4(UDP, &[], 0, &[0, 53])), Lost(Counter::TooShort)),
        ("ends before its ports, IPv6", ethernet(IPV6, &ipv6(UDP, &[0, 53])), Lost(Counter::TooShort)),
        ("ends in an extension header", ethernet(IPV6, &ipv6(0, &[UDP])), Lost(Counter::TooShort)),
        ("a TCP header cut short", ethernet(IPV4, &ipv4(TCP, &[], 0, &over_tcp[..8])), Lost(Counter::TooShort)),
    ]
}

/// Ethernet pads to 60 bytes: what follows the IP packet is no payload.
fn padded_ack() -> Vec<u8> {
    let mut frame = ethernet(IPV4, &ipv4(TCP, &[], 0, &tcp(40_000, 53, 0x10, &[])));
    frame.resize(60, 0);
    frame
}

fn three_extensions(query: &[u8]) -> Vec<u8> {
    ethernet(IPV6, &ipv6(0, &extension(60, &extension(43, &extension(UDP, query)))))
}

fn check(name: &str, program: &str, ran: &Ran, fate: Fate) {
    let of = |counter: Counter| ran.counted[counter as usize];
    let expected = match fate {
        Emitted => [1, 1, 0, 0, 0, 0],
        Ignored => [0; 6],
        Lost(counter) => {
            let mut expected = [1, 0, 0, 0, 0, 0];
            expected[counter as usize] = 1;
            expected
        }
    };
    assert_eq!(ran.counted[..6], expected, "{program}: {name}");
    assert_eq!(ran.packets.len() as u64, of(Counter::Emitted), "{program}: {name}");
}

#[test]
fn every_program_lets_every_packet_pass_and_keeps_none() {
    let Some(mut half) = kernel_half(RING, SNAPLEN) else { return };
    for (name, frame, _) in frames() {
        for (program, value) in PROGRAMS {
            assert_eq!(half.run(program, &frame).unwrap().value, value, "{program}: {name}");
        }
    }
}

#[test]
fn each_packet_is_emitted_or_counted_by_each_hook() {
    let Some(mut half) = kernel_half(RING, SNAPLEN) else { return };
    for (name, frame, fate) in frames() {
        for program in ENTRIES {
            let ran = half.run(program, &frame).unwrap();
            check(name, program, &ran, fate);
            for captured in &ran.packets {
                let start = if program == "device" { 0 } else { 14 };
                assert_eq!(captured.bytes, frame[start..], "{program}: {name}");
                assert_eq!(captured.packet.wire_len as usize, captured.bytes.len(), "{program}: {name}");
            }
        }
    }
}

#[test]
fn vlan_tags_in_band_are_passed_by() {
    let Some(mut half) = kernel_half(RING, SNAPLEN) else { return };
    let (v4, v6) = (ipv4(UDP, &[], 0, &udp(40_000, 53, QUERY)), ipv6(UDP, &udp(53, 40_000, QUERY)));
    for (name, frame, fate) in [
        ("one tag", ethernet(VLAN, &tag(42, IPV4, &v4)), Emitted),
        ("one tag, IPv6", ethernet(VLAN, &tag(42, IPV6, &v6)), Emitted),
        ("two tags", ethernet(SERVICE_VLAN, &tag(7, VLAN, &tag(42, IPV4, &v4))), Emitted),
        ("a tag, another port", ethernet(VLAN, &tag(42, IPV4, &ipv4(UDP, &[], 0, &udp(1, 2, QUERY)))), Ignored),
        ("a tag, ARP", ethernet(VLAN, &tag(42, 0x0806, &v4)), Ignored),
        ("a tag, cut", ethernet(VLAN, &[0]), Ignored),
    ] {
        check(name, "device", &half.run("device", &frame).unwrap(), fate);
    }
}

#[test]
fn packets_of_any_size_are_captured_whole() {
    let Some(mut half) = kernel_half(RING, SNAPLEN) else { return };
    for payload in [0, 1, 134, 135, 148, 149, 390, 391, 404, 405, 1_414, 1_415, 1_428, 1_429, 3_300] {
        let frame = ethernet(IPV4, &ipv4(UDP, &[], 0, &udp(40_000, 53, &vec![7; payload])));
        for (program, start) in [("device", 0), ("socket_in", 14)] {
            let ran = half.run(program, &frame).unwrap();
            assert_eq!(ran.packets[0].bytes, frame[start..], "{program}: {payload} bytes");
        }
    }
}

#[test]
fn snaplen_cuts_and_counts() {
    let Some(mut half) = kernel_half(RING, 64) else { return };
    let frame = ethernet(IPV4, &ipv4(UDP, &[], 0, &udp(40_000, 53, &[7; 200])));
    let ran = half.run("device", &frame).unwrap();
    assert_eq!(ran.packets[0].packet.wire_len as usize, frame.len());
    assert_eq!(ran.packets[0].bytes, frame[..64]);
    assert_eq!(ran.counted[Counter::Cut as usize], 1);
}

#[test]
fn a_full_ring_is_counted_to_the_packet() {
    let Some(mut half) = kernel_half(4096, SNAPLEN) else { return };
    let frame = ethernet(IPV4, &ipv4(UDP, &[], 0, &udp(40_000, 53, QUERY)));
    let (value, _) = half.repeat("device", &frame, 1_000).unwrap();
    let counted = half.counts(Hook::Device).unwrap();
    let of = |counter: Counter| counted[counter as usize];
    assert_eq!(value, 0);
    assert_eq!(of(Counter::Seen), 1_000);
    assert_eq!(of(Counter::Emitted) + of(Counter::RingFull), 1_000);
    assert!(of(Counter::RingFull) > 900, "{counted:?}");
    assert_eq!(half.drain(|_| {}) as u64, of(Counter::Emitted));
}

#[test]
fn a_record_says_which_hook_and_which_way() {
    let Some(mut half) = kernel_half(RING, SNAPLEN) else { return };
    let frame = ethernet(IPV4, &ipv4(UDP, &[], 0, &udp(40_000, 53, QUERY)));
    let mut packet = |program: &str| -> Packet<'static> { half.run(program, &frame).unwrap().packets[0].packet };
    let (received, sent, device) = (packet("socket_in"), packet("socket_out"), packet("device"));
    let place = |packet: &Packet<'_>| (packet.point.hook, packet.point.direction, packet.layer);
    assert_eq!(place(&received), (Hook::Socket, Direction::In, Layer::Ip));
    assert_eq!(place(&sent), (Hook::Socket, Direction::Out, Layer::Ip));
    assert_eq!(place(&device), (Hook::Device, Direction::In, Layer::Ethernet));
    assert!(received.time < sent.time && sent.time < device.time);
}

#[test]
fn the_verifier_has_little_to_follow() {
    let Some(half) = kernel_half(RING, SNAPLEN) else { return };
    let programs = half.verified_instructions().unwrap();
    // The program of the drop hook is given no packet.
    assert_eq!(programs.len(), PROGRAMS.len() + 1);
    for (name, instructions) in programs {
        let Some(instructions) = instructions else {
            println!("{name}: this kernel does not count instructions");
            continue;
        };
        println!("{name}: {instructions} instructions verified");
        assert!(instructions < INSTRUCTIONS_MAX, "{name}: {instructions}");
    }
}
