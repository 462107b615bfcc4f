//! One section of a pcapng file, which is one file: its header, interfaces as they appear, packets, statistics at its end.

use std::collections::HashMap;
use std::net::IpAddr;

use super::block::Block;
use super::frame::{Frame, Link};
use super::names::Names;
use crate::capture::file::pcapng::{
    BYTE_ORDER, END_TIME, ENHANCED_PACKET, FLAGS, INTERFACE_DESCRIPTION, INTERFACE_DROP, INTERFACE_STATISTICS,
    SECTION_HEADER, SYSTEM_DROP,
};
use crate::capture::file::{InterfaceNote, Origin, PacketNote, ProcessComment};
use crate::capture::{Direction, Hook, Packet, Point, WallTime};
use crate::join::TransactionId;
use crate::owner::Interfaces;

/// Options: of every block, of section headers, of interfaces, of packets, of statistics.
const COMMENT: u16 = 1;
const HARDWARE: u16 = 2;
const SYSTEM: u16 = 3;
const APPLICATION: u16 = 4;
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const TIME_RESOLUTION: u16 = 9;
const PACKET_ID: u16 = 5;
const START_TIME: u16 = 2;
const RECEIVED: u16 = 4;
const DELIVERED: u16 = 8;

/// Times are in 10^-9 seconds.
const NANOSECONDS: u8 = 9;
/// As tcpdump: more than any packet has.
const SNAPLEN: u32 = 262_144;
/// pcapng 1.0.
const VERSION: (u16, u16) = (1, 0);

/// What a file says of where it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maker {
    /// The machine and its start; `None` for what was read from other files.
    pub origin: Option<Origin>,
    /// The machine's architecture.
    pub hardware: String,
    /// Its operating system with version.
    pub system: String,
    /// Names of addresses that are known before anything is seen.
    pub addresses: Vec<(IpAddr, String)>,
}

/// What a hook saw and lost since a file began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HookTotals {
    pub(super) seen: u64,
    pub(super) ring_full: u64,
    /// By a file that was written too slowly.
    pub(super) dropped: u64,
}

/// Which packets share an interface block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    hook: Hook,
    netns: u32,
    ifindex: u32,
    link: Link,
    /// Captured by another program: later fragments are there, and the direction need not be known.
    foreign: bool,
    /// Told by dnstap: headers are not those that were on the wire.
    made_up: bool,
}

struct Described {
    key: Key,
    packets: u64,
}

/// The interfaces of one file, and what else packets refer to.
pub(super) struct Section {
    numbers: HashMap<Key, usize, foldhash::fast::RandomState>,
    described: Vec<Described>,
    names: Names,
    since: WallTime,
}

/// A DNS message in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenMessage {
    /// What it was joined to.
    pub transaction: TransactionId,
    /// Source.
    pub src: IpAddr,
    /// Destination.
    pub dst: IpAddr,
}

impl Section {
    /// Begins a file.
    pub(super) fn begin(maker: &Maker, since: WallTime, out: &mut Vec<u8>) -> Self {
        let header = Block::begin(out, SECTION_HEADER).u32(BYTE_ORDER).u16(VERSION.0).u16(VERSION.1).u64(u64::MAX);
        let mut header = header
            .option(HARDWARE, maker.hardware.as_bytes())
            .option(SYSTEM, maker.system.as_bytes())
            .option(APPLICATION, concat!("dnstrace ", env!("CARGO_PKG_VERSION")).as_bytes());
        if let Some(origin) = &maker.origin {
            header = header.option(COMMENT, origin.to_string().as_bytes());
        }
        header.end();
        Self { numbers: HashMap::default(), described: Vec::new(), names: Names::new(&maker.addresses), since }
    }

    /// How many interfaces it has so far.
    pub(super) fn interfaces(&self) -> u64 {
        self.described.len() as u64
    }

    /// Writes a packet, and before it what it refers to.
    pub(super) fn packet(
        &mut self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        message: Option<SeenMessage>,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) {
        let number = self.interface(Key::of(packet, frame), packet.point, context.interfaces, out);
        if let Some(SeenMessage { src, dst, .. }) = message {
            self.names.tell([src, dst], out);
        }
        self.described[number].packets += 1;
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let block = Block::begin(out, ENHANCED_PACKET).u32(number).time(packet.wall.0);
        let block = block.u32(frame.captured_len()).u32(frame.wire_len);
        let block = frame.pieces().into_iter().fold(block, Block::bytes).pad();
        let mut block = match flags(packet) {
            Some(flags) => block.option(FLAGS, &flags.to_le_bytes()),
            None => block,
        };
        if let Some(message) = message {
            block = block.option(PACKET_ID, &message.transaction.0.to_le_bytes());
        }
        if let Some(process) = packet.socket.process {
            block = block.option(COMMENT, ProcessComment(process).to_string().as_bytes());
        }
        let note = note(packet, context.step_ns);
        if !note.is_empty() {
            block = block.option(COMMENT, note.to_string().as_bytes());
        }
        block.end();
    }

    /// Ends the file: what was seen until `until`, and lost, at each hook.
    pub(super) fn end(&self, until: WallTime, step_ns: i64, hooks: &dyn Fn(Hook) -> HookTotals, out: &mut Vec<u8>) {
        let note = PacketNote { step_ns, ..PacketNote::default() };
        for (number, described) in (0..).zip(&self.described) {
            let hook = described.key.hook;
            let is_first = self.described.iter().find(|other| other.key.hook == hook).map(|first| first.key);
            let block = Block::begin(out, INTERFACE_STATISTICS).u32(number).time(until.0);
            let block = block.time_option(START_TIME, self.since.0).time_option(END_TIME, until.0);
            let mut block = block.option(DELIVERED, &described.packets.to_le_bytes());
            if !described.key.foreign && is_first == Some(described.key) {
                block = hook_options(block, hooks(hook));
            }
            if !note.is_empty() {
                block = block.option(COMMENT, note.to_string().as_bytes());
            }
            block.end();
        }
    }

    fn interface(&mut self, key: Key, point: Point, interfaces: &Interfaces, out: &mut Vec<u8>) -> usize {
        let name = interfaces.name(point);
        // The name of the interface that a socket received from: a block without packets keeps it.
        let device = Key {
            hook: Hook::Device,
            netns: point.netns,
            ifindex: point.ifindex,
            link: Link::Ethernet,
            made_up: false,
            ..key
        };
        if key.hook == Hook::Socket && name.is_some() && !self.numbers.contains_key(&device) {
            self.describe(device, name, out);
        }
        self.numbers.get(&key).copied().unwrap_or_else(|| self.describe(key, name, out))
    }

    fn describe(&mut self, key: Key, name: Option<&str>, out: &mut Vec<u8>) -> usize {
        let number = self.described.len();
        self.described.push(Described { key, packets: 0 });
        self.numbers.insert(key, number);
        let Key { hook, netns, ifindex, foreign: later_fragments, made_up, .. } = key;
        let note = InterfaceNote { hook, netns, ifindex, later_fragments, made_up };
        let mut block = Block::begin(out, INTERFACE_DESCRIPTION).u16(key.link as u16).u16(0).u32(SNAPLEN);
        if let Some(name) = key.name(name) {
            block = block.option(NAME, name.as_bytes());
        }
        block
            .option(DESCRIPTION, key.description().as_bytes())
            .option(COMMENT, note.to_string().as_bytes())
            .option(TIME_RESOLUTION, &[NANOSECONDS])
            .end();
        number
    }
}

/// What all packets of a time have in common.
pub(super) struct Context<'a> {
    pub(super) interfaces: &'a Interfaces,
    /// By how much the wall clock was stepped since the recording began.
    pub(super) step_ns: i64,
}

impl Key {
    fn of(packet: &Packet<'_>, frame: &Frame<'_>) -> Self {
        let Point { hook, ifindex, netns, .. } = packet.point;
        let (link, foreign, made_up) = (frame.link, packet.later_fragments, frame.made_up);
        match hook {
            Hook::Device => Self { hook, netns, ifindex, link, foreign, made_up },
            // Sockets of all netns are one interface: what they have of their own stands in each packet.
            Hook::Socket => Self { hook, netns: 0, ifindex: 0, link, foreign, made_up },
        }
    }

    fn name<'a>(&self, name: Option<&'a str>) -> Option<&'a str> {
        match self.hook {
            Hook::Socket if self.made_up => Some("dnstap"),
            Hook::Socket => Some("socket"),
            Hook::Device => name,
        }
    }

    fn description(&self) -> String {
        match (self.hook, self.netns, self.ifindex) {
            (Hook::Socket, ..) if self.made_up => {
                "what servers told by dnstap; IP, UDP and TCP headers are made up from it".to_owned()
            }
            (Hook::Socket, ..) => "what sockets of every netns send and receive".to_owned(),
            (Hook::Device, _, 0) => "interface that was not told".to_owned(),
            (Hook::Device, 0, ifindex) => format!("interface {ifindex}"),
            (Hook::Device, netns, ifindex) => format!("interface {ifindex} of netns {netns}"),
        }
    }
}

fn hook_options(block: Block<'_>, totals: HookTotals) -> Block<'_> {
    let block = block
        .option(RECEIVED, &totals.seen.to_le_bytes())
        .option(INTERFACE_DROP, &totals.ring_full.to_le_bytes())
        .option(SYSTEM_DROP, &totals.dropped.to_le_bytes());
    block.option(COMMENT, b"received and dropped: all interfaces of this hook together")
}

/// Inbound or outbound (draft-ietf-opsawg-pcapng, 4.3.1).
fn flags(packet: &Packet<'_>) -> Option<u32> {
    match packet.point.direction {
        Direction::In => Some(1),
        Direction::Out => Some(2),
        Direction::Unknown => None,
    }
}

fn note(packet: &Packet<'_>, step_ns: i64) -> PacketNote {
    let ifindex = if packet.point.hook == Hook::Socket { packet.point.ifindex } else { 0 };
    PacketNote { socket: packet.socket, ifindex, hop_id: packet.hop_id, gso_size: packet.gso_size, step_ns }
}
