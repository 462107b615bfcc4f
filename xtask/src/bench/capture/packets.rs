//! Messages in frames.

use dnstrace_tests::frame::{IPV4, IPV6, TCP, UDP, ethernet, ipv4, ipv6, tcp, udp};
use dnstrace_tests::node::wire;

use super::Random;
use super::asked::Asked;

const EPHEMERAL_PORTS: std::ops::Range<u64> = 32_768..60_999;
/// One query of so many goes over IPv6, over TCP.
const IPV6_EVERY: u64 = 5;
const TCP_EVERY: u64 = 50;

/// glibc sends the second query of a pair, and the next pair, so soon.
const PAIR_NS: u64 = 20_000;
const NEXT_STEP_NS: u64 = 30_000;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

/// A way there and back.
struct Ends {
    client: u16,
    port: u16,
    ipv6: bool,
}

/// Frames with their times after the query's.
pub(super) fn of(asked: &Asked, clients: u64, random: &mut Random) -> Vec<(u64, Vec<u8>)> {
    Ends::any(clients, random).frames(asked, random)
}

/// The same of a lookup: each pair of queries is sent when the one before it has its responses.
pub(super) fn of_walk(steps: &[[Asked; 2]], clients: u64, random: &mut Random) -> Vec<(u64, Vec<u8>)> {
    let ends = Ends::any(clients, random);
    let (mut frames, mut begin) = (Vec::new(), 0);
    for pair in steps {
        for (asked, after) in pair.iter().zip([0, PAIR_NS]) {
            frames.extend(ends.frames(asked, random).into_iter().map(|(at, frame)| (begin + after + at, frame)));
        }
        begin = frames.iter().map(|(at, _)| *at).max().unwrap_or(0) + NEXT_STEP_NS;
    }
    frames
}

impl Ends {
    fn any(clients: u64, random: &mut Random) -> Self {
        let port = EPHEMERAL_PORTS.start + random.below(EPHEMERAL_PORTS.end - EPHEMERAL_PORTS.start);
        Self {
            client: u16::try_from(random.below(clients)).unwrap_or(0),
            port: u16::try_from(port).unwrap_or(0),
            ipv6: random.below(IPV6_EVERY) == 0,
        }
    }

    fn frames(&self, asked: &Asked, random: &mut Random) -> Vec<(u64, Vec<u8>)> {
        // Most are answered from a cache, some by a server far away.
        let far = random.below(8) == 0;
        let takes_ns = 80_000 + random.below(if far { 20_000_000 } else { 400_000 });
        if random.below(TCP_EVERY) == 0 { self.connection(asked, takes_ns) } else { self.datagrams(asked, takes_ns) }
    }

    fn datagrams(&self, asked: &Asked, takes_ns: u64) -> Vec<(u64, Vec<u8>)> {
        let query = (0, self.to_server(UDP, &udp(self.port, 53, &asked.query)));
        let response = asked.response.as_ref();
        let response = response.map(|response| (takes_ns, self.to_client(UDP, &udp(53, self.port, response))));
        [query].into_iter().chain(response).collect()
    }

    fn connection(&self, asked: &Asked, takes_ns: u64) -> Vec<(u64, Vec<u8>)> {
        let query = wire::framed(&asked.query);
        let response = asked.response.as_ref().map(|response| wire::framed(response)).unwrap_or_default();
        let (after_query, after_response) = (1 + len(&query), 1 + len(&response));
        vec![
            (0, self.to_server(TCP, &segment(self.port, 53, SYN, 0, &[]))),
            (40_000, self.to_client(TCP, &segment(53, self.port, SYN | ACK, 0, &[]))),
            (60_000, self.to_server(TCP, &segment(self.port, 53, ACK, 1, &[]))),
            (70_000, self.to_server(TCP, &segment(self.port, 53, ACK, 1, &query))),
            (70_000 + takes_ns, self.to_client(TCP, &segment(53, self.port, ACK, 1, &response))),
            (90_000 + takes_ns, self.to_server(TCP, &segment(self.port, 53, FIN | ACK, after_query, &[]))),
            (130_000 + takes_ns, self.to_client(TCP, &segment(53, self.port, FIN | ACK, after_response, &[]))),
        ]
    }

    fn to_server(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let [high, low] = self.client.to_be_bytes();
        if self.ipv6 {
            let mut frame = ethernet(IPV6, &ipv6(protocol, payload));
            frame[36..38].copy_from_slice(&[high, low]);
            return frame;
        }
        let mut frame = ethernet(IPV4, &ipv4(protocol, &[], 0, payload));
        frame[28..30].copy_from_slice(&[high, low]);
        frame
    }

    fn to_client(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = self.to_server(protocol, payload);
        if self.ipv6 {
            frame[22..54].rotate_left(16);
        } else {
            frame[26..34].rotate_left(4);
        }
        frame
    }
}

/// A TCP segment with its sequence number.
fn segment(src: u16, dst: u16, flags: u8, seq: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = tcp(src, dst, flags, payload);
    segment[4..8].copy_from_slice(&seq.to_be_bytes());
    segment
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
