//! One section of a pcapng file, which is one file: its header, interfaces as they appear, packets, statistics at its end.

use std::collections::HashMap;
use std::net::IpAddr;

use super::block::Block;
use super::frame::Frame;
use super::interface::Key;
use super::names::Names;
use super::notes::{Telling, write_notes};
use super::pod::PodComment;
use crate::capture::file::pcapng::{
    BYTE_ORDER, END_TIME, ENHANCED_PACKET, FLAGS, INTERFACE_DROP, INTERFACE_STATISTICS, SECTION_HEADER, SYSTEM_DROP,
};
use crate::capture::file::{Origin, PacketNote, ProcessComment};
use crate::capture::{Direction, Hook, Packet, WallTime};
use crate::join::{Transaction, TransactionId};
use crate::owner::{Interfaces, Owner, Party, Told, Used, Who};
use crate::sink::owner::pod_name;

/// Options: of every block, of section headers, of packets, of statistics.
pub(super) const COMMENT: u16 = 1;
const HARDWARE: u16 = 2;
const SYSTEM: u16 = 3;
const APPLICATION: u16 = 4;
const PACKET_ID: u16 = 5;
const START_TIME: u16 = 2;
const RECEIVED: u16 = 4;
const DELIVERED: u16 = 8;

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

struct Described {
    key: Key,
    packets: u64,
}

/// The interfaces of one file, and what else packets refer to.
pub(super) struct Section {
    numbers: HashMap<Key, usize, foldhash::fast::RandomState>,
    described: Vec<Described>,
    names: Names,
    /// Who is known to a reader of this file.
    told: Told,
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
        Self {
            numbers: HashMap::default(),
            described: Vec::new(),
            names: Names::new(&maker.addresses),
            told: Told::default(),
            since,
        }
    }

    /// The hook of its first interface.
    pub(super) fn first_hook(&self) -> Option<Hook> {
        self.described.first().map(|first| first.key.hook)
    }

    /// How many interfaces it has so far.
    pub(super) fn interfaces(&self) -> u64 {
        self.described.len() as u64
    }

    /// What a reader must know of a packet's ends, as far as it does not.
    pub(super) fn notes(
        &mut self,
        packet: &Packet<'_>,
        message: Option<SeenMessage>,
        telling: &Telling<'_>,
    ) -> Vec<String> {
        let Some(SeenMessage { src, dst, .. }) = message else { return Vec::new() };
        let owner = telling.owner;
        let [socket, source, destination] =
            [owner.socket_of(packet), owner.at_address(src, packet.time), owner.at_address(dst, packet.time)];
        let used = Used {
            parties: [socket.as_ref(), source.as_ref(), destination.as_ref()],
            cgroups: [packet.socket.cgroup_id, None],
            addresses: [src, dst],
        };
        telling.notes(&used, &mut self.told)
    }

    /// What a reader must know of who a transaction was between, as far as it does not.
    pub(super) fn who(&mut self, transaction: &Transaction, who: &Who, telling: &Telling<'_>, out: &mut Vec<u8>) {
        let used = Used {
            parties: [who.client.as_ref(), who.server.as_ref(), None],
            cgroups: [transaction.client_socket.cgroup_id, transaction.server_socket.cgroup_id],
            addresses: [transaction.client.ip(), transaction.server.ip()],
        };
        write_notes(&telling.notes(&used, &mut self.told), out);
    }

    /// What changed of those that a reader knows.
    pub(super) fn changes(&mut self, telling: &Telling<'_>) -> Vec<String> {
        let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let used = Used { parties: [None; 3], cgroups: [None; 2], addresses: [nobody; 2] };
        telling.notes(&used, &mut self.told)
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
        let number = self.interface(Key::of(packet, frame), packet, context, out);
        if let Some(SeenMessage { src, dst, .. }) = message {
            self.names.tell([src, dst], context.owner, packet.time, out);
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
        if let Some(Party::Pod { pod, container, .. }) = &context.owner.socket_of(packet) {
            block = block.option(COMMENT, PodComment { pod, container: container.as_deref() }.to_string().as_bytes());
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
            let totals = hooks(hook);
            let block = Block::begin(out, INTERFACE_STATISTICS).u32(number).time(until.0);
            let block = block.time_option(START_TIME, self.since.0).time_option(END_TIME, until.0);
            let mut block = block.option(DELIVERED, &described.packets.to_le_bytes());
            // What was read from files went through no hook.
            if is_first == Some(described.key) && totals != HookTotals::default() {
                block = hook_options(block, totals);
            }
            if !note.is_empty() {
                block = block.option(COMMENT, note.to_string().as_bytes());
            }
            block.end();
        }
    }

    fn interface(&mut self, key: Key, packet: &Packet<'_>, context: &Context<'_>, out: &mut Vec<u8>) -> usize {
        let point = packet.point;
        let name = context.interfaces.name(point);
        // The name of the interface that a socket received from: a block without packets keeps it.
        let device = key.device(point);
        if key.hook != Hook::Device && name.is_some() && !self.numbers.contains_key(&device) {
            self.describe(device, name, None, out);
        }
        self.numbers.get(&key).copied().unwrap_or_else(|| {
            let pod = context.owner.pod_behind(packet.point, packet.time).map(|pod| pod_name(&pod));
            self.describe(key, name, pod.as_deref(), out)
        })
    }

    fn describe(&mut self, key: Key, name: Option<&str>, pod: Option<&str>, out: &mut Vec<u8>) -> usize {
        let number = self.described.len();
        self.described.push(Described { key, packets: 0 });
        self.numbers.insert(key, number);
        key.describe(name, pod, out);
        number
    }
}

/// What all packets of a time have in common.
pub(super) struct Context<'a> {
    pub(super) interfaces: &'a Interfaces,
    pub(super) owner: &'a Owner,
    /// By how much the wall clock was stepped since the recording began.
    pub(super) step_ns: i64,
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
    let Packet { point, mut socket, hop_id, gso_size, .. } = *packet;
    let ifindex = if point.hook == Hook::Device { 0 } else { point.ifindex };
    if point.hook == Hook::Drop {
        socket.netns = (point.netns != 0).then_some(point.netns);
    }
    PacketNote { socket, ifindex, hop_id, gso_size, step_ns, dropped: packet.dropped.cloned() }
}
