//! A packet record from the ring buffer to a [`Packet`], bounds-checked.

use dnstrace_ebpf::{Direction as RecordDirection, DropRecord, Hook, Layer as RecordLayer, PacketRecord};

use super::Drops;
use super::clock::Clock;
use crate::capture::{BootTime, Direction, Layer, Packet, Point, Process, Socket};

/// The lower twelve bits of the tag control information (IEEE 802.1Q, 9.6).
const VLAN_ID: u16 = 0x0fff;

/// `None` when the bytes are no packet record: the two halves are of different versions.
pub(super) fn packet<'a>(bytes: &'a [u8], clock: &Clock, netns: u32, drops: &'a mut Drops) -> Option<Packet<'a>> {
    let (head, rest) = bytes.split_first_chunk::<{ size_of::<PacketRecord>() }>()?;
    // SAFETY: `head` is exactly one `PacketRecord`, which is valid for any bytes.
    let record = unsafe { head.as_ptr().cast::<PacketRecord>().read_unaligned() };
    let hook = Hook::ALL.into_iter().find(|hook| *hook as u8 == record.hook)?;
    let (why, rest) = if hook == Hook::Drop { why(rest)? } else { (None, rest) };
    let captured = rest.get(..usize::try_from(record.captured_len).ok()?)?;
    let time = BootTime(record.boot_ns);
    let point = point(&record, hook, netns)?;
    Some(Packet {
        time,
        wall: clock.wall(time),
        point,
        layer: if record.layer == RecordLayer::Ethernet as u8 { Layer::Ethernet } else { Layer::Ip },
        wire_len: record.wire_len,
        bytes: captured,
        vlan: (record.vlan_present != 0).then_some(record.vlan_tci & VLAN_ID),
        gso_size: record.gso_size,
        // The kernel half counts them: they have no ports.
        later_fragments: false,
        hop_id: known(record.hop_id),
        socket: if hook == Hook::Drop { Socket::default() } else { socket(&record) },
        dropped: why.map(|why| drops.of(&why)),
    })
}

/// What a record of the `drop` hook tells beside, and what follows.
fn why(bytes: &[u8]) -> Option<(Option<DropRecord>, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<{ size_of::<DropRecord>() }>()?;
    // SAFETY: `head` is exactly one `DropRecord`, which is valid for any bytes.
    let why = unsafe { head.as_ptr().cast::<DropRecord>().read_unaligned() };
    Some((Some(why), rest))
}

fn point(record: &PacketRecord, hook: Hook, netns: u32) -> Option<Point> {
    let ways = [(RecordDirection::In, Direction::In), (RecordDirection::Out, Direction::Out)];
    let way = ways.into_iter().find(|(way, _)| *way as u8 == record.direction)?.1;
    // It went nowhere.
    let direction = if hook == Hook::Drop { Direction::Unknown } else { way };
    let netns = match hook {
        Hook::Device => netns,
        Hook::Socket | Hook::Drop => record.socket_netns,
    };
    Some(Point { hook, direction, ifindex: record.ifindex, netns })
}

fn socket(record: &PacketRecord) -> Socket {
    Socket {
        cookie: known(record.cookie),
        cgroup_id: known(record.cgroup_id),
        netns: (record.socket_netns != 0).then_some(record.socket_netns),
        process: (record.tgid != 0).then(|| Process {
            tgid: record.tgid,
            uid: (record.uid != u32::MAX).then_some(record.uid),
            comm: name(record.comm),
        }),
    }
}

/// The kernel ends a name with a zero; behind it may stand the rest of the name before (5.10: `init\0er/0`).
fn name(mut comm: [u8; 16]) -> [u8; 16] {
    let end = comm.iter().position(|byte| *byte == 0).unwrap_or(comm.len());
    comm[end..].fill(0);
    comm
}

fn known(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}
