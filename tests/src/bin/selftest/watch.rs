//! The library's live capture around some traffic: every sighting, and what the hooks counted.

use anyhow::{Context, Result, ensure};
use dnstrace::capture::live::{HookCounts, Live, LiveOptions};
use dnstrace::capture::{Counter, Direction, Dropped, Hook, Layer, Packet, Socket};

use super::machine::Machine;

/// One packet as a hook saw it.
pub(crate) struct Sighting {
    pub(crate) hook: Hook,
    pub(crate) direction: Direction,
    pub(crate) netns: u32,
    pub(crate) boot_ns: u64,
    pub(crate) wire_len: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) vlan: Option<u16>,
    pub(crate) gso_size: u16,
    pub(crate) hop_id: Option<u64>,
    pub(crate) socket: Socket,
    pub(crate) dropped: Option<Dropped>,
    layer: Layer,
}

/// What was seen while some traffic went.
pub(crate) struct Watched {
    pub(crate) sightings: Vec<Sighting>,
    pub(crate) counts: HookCounts,
    pub(crate) began_ns: u64,
    pub(crate) ended_ns: u64,
    /// The netns that the `device` hook says it watches.
    pub(crate) netns: u32,
}

/// DNS on port 53 at all hooks, nothing cut, room for everything a check sends.
pub(crate) fn all_hooks(machine: &Machine) -> LiveOptions {
    LiveOptions { hooks: Hook::ALL.to_vec(), ..options(machine) }
}

/// The same at the hooks that packets pass: with the `drop` hook, each start reads all symbols of the kernel, which takes
/// longer under emulation than everything else of a check.
pub(crate) fn options(machine: &Machine) -> LiveOptions {
    LiveOptions {
        hooks: Hook::PASSED.to_vec(),
        ports: vec![53],
        interfaces: Vec::new(),
        // As init there is nobody else: the root of the hierarchy, as on a node.
        cgroup: (!machine.init).then(|| machine.cgroup.clone()),
        ring_bytes: 4 << 20,
        snaplen: 65_536,
    }
}

/// Attaches all hooks; an error when one is not.
pub(crate) fn attach(options: &LiveOptions) -> Result<Live> {
    let live = Live::start(options)?;
    for attachment in live.attached() {
        if let Err(cause) = &attachment.result {
            anyhow::bail!("{:?}: {cause}", attachment.hook);
        }
    }
    ensure!(live.attached().len() == options.hooks.len(), "not every hook says what became of it");
    Ok(live)
}

/// Attaches, lets `traffic` go, and takes everything out of the ring buffer.
pub(crate) fn watch<T>(options: &LiveOptions, traffic: impl FnOnce() -> Result<T>) -> Result<(T, Watched)> {
    let mut live = attach(options)?;
    let began_ns = live.now().0;
    let result = traffic().context("traffic")?;
    let mut sightings = Vec::new();
    live.drain(|packet| sightings.push(Sighting::of(packet)));
    let watched = Watched { sightings, counts: live.counts(), began_ns, ended_ns: live.now().0, netns: live.netns() };
    watched.sums_agree()?;
    Ok((result, watched))
}

impl Watched {
    /// How many sightings carry `message`.
    pub(crate) fn carrying(&self, message: &[u8]) -> usize {
        self.sightings.iter().filter(|sighting| sighting.carries(message)).count()
    }

    /// The one sighting of `message` at this hook and direction.
    pub(crate) fn one(&self, hook: Hook, direction: Direction, message: &[u8]) -> Result<&Sighting> {
        let here = self.sightings.iter().filter(|sighting| sighting.hook == hook && sighting.direction == direction);
        let mut found = here.filter(|sighting| sighting.carries(message));
        let first = found.next().with_context(|| format!("not seen at {hook:?} {direction:?}"))?;
        ensure!(found.next().is_none(), "seen more than once at {hook:?} {direction:?}");
        Ok(first)
    }

    /// One counter of one hook.
    pub(crate) fn count(&self, hook: Hook, counter: Counter) -> u64 {
        self.counts.get(hook, counter)
    }

    /// Nothing is lost without a count: what was seen is what came out and what was counted as lost.
    fn sums_agree(&self) -> Result<()> {
        use Counter::{Emitted, Fragment, NoPayload, RingFull, Seen, TooShort};
        for hook in Hook::ALL {
            let sum: u64 =
                [Emitted, RingFull, TooShort, Fragment, NoPayload].into_iter().map(|why| self.count(hook, why)).sum();
            let drained = self.sightings.iter().filter(|sighting| sighting.hook == hook).count();
            ensure!(self.count(hook, Seen) == sum, "{hook:?}: seen is not the sum: {:?}", self.counts);
            ensure!(
                self.count(hook, Emitted) == u64::try_from(drained)?,
                "{hook:?}: {drained} packets came out of {:?}",
                self.counts
            );
        }
        Ok(())
    }
}

const ETHERNET_LEN: usize = 14;
const VLAN_TAG_LEN: usize = 4;

impl Sighting {
    fn of(packet: &Packet<'_>) -> Self {
        Self {
            hook: packet.point.hook,
            direction: packet.point.direction,
            netns: packet.point.netns,
            boot_ns: packet.time.0,
            wire_len: packet.wire_len,
            bytes: packet.bytes.to_vec(),
            vlan: packet.vlan,
            gso_size: packet.gso_size,
            hop_id: packet.hop_id,
            socket: packet.socket,
            dropped: packet.dropped.cloned(),
            layer: packet.layer,
        }
    }

    pub(crate) fn carries(&self, message: &[u8]) -> bool {
        self.bytes.windows(message.len()).any(|bytes| bytes == message)
    }

    /// EtherTypes of tags in band, outermost first.
    pub(crate) fn tags(&self) -> Vec<u16> {
        let mut tags = Vec::new();
        let mut at = ETHERNET_LEN - 2;
        while self.layer == Layer::Ethernet && matches!(self.u16(at), 0x8100 | 0x88a8) {
            tags.push(self.u16(at));
            at += VLAN_TAG_LEN;
        }
        tags
    }

    /// Source and destination port behind a plain IP header.
    pub(crate) fn ports(&self) -> (u16, u16) {
        let network = match self.layer {
            Layer::Ethernet => ETHERNET_LEN + VLAN_TAG_LEN * self.tags().len(),
            Layer::Ip | Layer::Message { .. } | Layer::Other => 0,
        };
        let first = self.bytes.get(network).copied().unwrap_or_default();
        let header = if first >> 4 == 6 { 40 } else { usize::from(first & 0x0f) * 4 };
        (self.u16(network + header), self.u16(network + header + 2))
    }

    fn u16(&self, at: usize) -> u16 {
        self.bytes.get(at..at + 2).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}
