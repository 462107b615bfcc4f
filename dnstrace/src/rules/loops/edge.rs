//! One who asks one who is asked for one question; and the ways of such edges that lead back to where they began.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::CycleHop;
use crate::capture::{BootTime, Socket};
use crate::owner::Party;
use crate::rules::finding::{About, Certainty, Subject};
use crate::rules::stage::Ended;
use crate::rules::upstream::is_loop_probe;
use crate::rules::world::World;

/// Ways back that are looked at: an application beside its cache makes one that is no loop.
const WAYS_MAX: usize = 8;
/// Resolvers in one loop: two, with a Service between them, is what people build.
const HOPS_MAX: usize = 4;
/// Where nobody knows the process behind a loopback address, an application that asks its own cache looks the same. A
/// loop makes a lap in 0.1 ms: whoever asks the same so often in so short a time, each time anew, is hardly one.
const BURST: Duration = Duration::from_millis(10);
const BURST_QUERIES: u64 = 16;
/// The question of CoreDNS' loop plugin is random: nobody else asks it.
const PROBE_QUERIES: u64 = 2;

/// Who can ask and be asked: a pod, the node, an address; with the process where that is known, and the cgroup, which a
/// socket has that never answers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    about: About,
    tgid: Option<u32>,
    cgroup: Option<u64>,
}

/// One who asks one who is asked.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Edge {
    from: Host,
    to: Host,
    hop: CycleHop,
    pub(super) first: BootTime,
    pub(super) last: BootTime,
    /// Transactions, each with its own message ID and port.
    pub(super) count: u64,
    /// The question is that of the loop plugin.
    is_probe: bool,
}

impl Edge {
    /// Of a transaction that ended.
    pub(super) fn of(ended: &Ended<'_>, world: &World<'_>) -> Self {
        let Ended { case, transaction } = *ended;
        let from = subject(case.who.client.as_ref(), case.client.ip());
        let responder = case.responder().ip();
        // What is asked at a loopback address does not leave its netns.
        let to = if responder.is_loopback() && case.who.server.is_none() {
            from.clone()
        } else {
            subject(case.who.server.as_ref(), responder)
        };
        let is_service = world.is_cluster_server(case.server);
        let [from_host, to_host] = [(&from, transaction.client_socket), (&to, transaction.server_socket)].map(Host::of);
        let hop = CycleHop { from, server: case.server, to, is_service };
        Self {
            from: from_host,
            to: to_host,
            hop,
            first: case.time,
            last: case.time,
            count: 1,
            is_probe: is_loop_probe(case),
        }
    }

    /// Whether another goes the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.from.is(&other.from) && self.to.is(&other.to) && self.hop.server == other.hop.server
    }

    /// Counts it.
    pub(super) fn join(&mut self, other: &Self) {
        self.count += 1;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (own, its) in [(&mut self.from, &other.from), (&mut self.to, &other.to)] {
            own.tgid = own.tgid.or(its.tgid);
            own.cgroup = own.cgroup.or(its.cgroup);
        }
    }

    /// How surely who is asked can be the one that asks on: in one pod, an application asks its own cache.
    pub(super) fn certainty(&self) -> Option<Certainty> {
        if self.from.about != self.to.about {
            return Some(Certainty::Certain);
        }
        // The loop plugin asks its own server, once a second until somebody answers.
        let asks_itself = self.is_probe
            && matches!(self.hop.server.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(Ipv6Addr::LOCALHOST));
        match (self.from.tgid, self.to.tgid) {
            (Some(from), Some(to)) if !asks_itself => (from == to).then_some(Certainty::Certain),
            _ if self.hop.is_service => Some(Certainty::Certain),
            _ if self.is_probe && !asks_itself => self.is_burst(PROBE_QUERIES).then_some(Certainty::Certain),
            _ => self.is_burst(BURST_QUERIES).then_some(Certainty::Likely),
        }
    }

    /// Of a storm, the rate.
    fn is_burst(&self, queries: u64) -> bool {
        let allowed = BURST.as_nanos() * u128::from(self.count / queries);
        self.count >= queries && self.last.since(self.first).as_nanos() <= allowed
    }
}

impl Host {
    fn of((subject, socket): (&Subject, Socket)) -> Self {
        let tgid = socket.process.map(|process| process.tgid);
        Self { about: subject.about.clone(), tgid, cgroup: socket.own_cgroup() }
    }

    /// The same host, and not another process or cgroup of it. A node has its own addresses and those of `lo`.
    fn is(&self, other: &Self) -> bool {
        let is_same = |own: Option<u64>, its: Option<u64>| own.zip(its).map(|(own, its)| own == its);
        let tgid = |host: &Self| host.tgid.map(u64::from);
        let known = is_same(tgid(self), tgid(other)).or_else(|| is_same(self.cgroup, other.cgroup));
        known.unwrap_or(self.about == other.about)
    }

    /// The same process, and known to be so.
    fn is_process(&self, other: &Self) -> bool {
        self.tgid.is_some() && self.tgid == other.tgid
    }

    /// The same cgroup, and known to be so.
    fn is_cgroup(&self, other: &Self) -> bool {
        self.cgroup.is_some() && self.cgroup == other.cgroup
    }
}

/// Whether each asks on as the very process that was asked, or out of the very cgroup, where who asked it is in another. Then
/// it need not be seen to happen again, as forwarders that merge equal questions have one query for many laps.
pub(super) fn is_handed_on<'a>(way: impl Iterator<Item = &'a Edge> + Clone) -> bool {
    let next = way.clone().skip(1).chain(way.clone().take(1));
    let is_on = |(edge, next): (&Edge, &Edge)| {
        edge.to.is_process(&next.from) || (edge.to.is_cgroup(&next.from) && !edge.to.is_cgroup(&edge.from))
    };
    way.clone().count() > 1 && way.zip(next).all(is_on)
}

/// The hops of a way. Who has several addresses is called by the one that says most: not by one of `lo`.
pub(super) fn hops(edges: &[Edge], way: &[usize]) -> Vec<CycleHop> {
    let is_local = |subject: &Subject| matches!(subject.about, About::Address(address) if address.is_loopback());
    let mut hops: Vec<_> = way.iter().map(|at| edges[*at].hop.clone()).collect();
    for at in 0..hops.len() {
        let next = (at + 1) % hops.len();
        let [to, from] = [&hops[at].to, &hops[next].from].map(Clone::clone);
        let (to, from) = match (is_local(&to), is_local(&from)) {
            (true, false) => (from.clone(), from),
            (false, true) => (to.clone(), to),
            _ => (to, from),
        };
        (hops[at].to, hops[next].from) = (to, from);
    }
    hops
}

/// Ways from an edge's end back to its beginning, with the edge itself first; short ones come first.
pub(super) fn ways_back(edges: &[Edge], at: usize) -> Vec<Vec<usize>> {
    let goal = &edges[at].from;
    let (mut ways, mut back) = (VecDeque::from([vec![at]]), Vec::new());
    while let Some(way) = ways.pop_front() {
        let end = &edges[way[way.len() - 1]].to;
        if end.is(goal) {
            back.push(way.clone());
            if back.len() >= WAYS_MAX {
                break;
            }
        }
        if way.len() < HOPS_MAX {
            let next = (0..edges.len()).filter(|next| !way.contains(next) && edges[*next].from.is(end));
            ways.extend(next.map(|next| way.iter().copied().chain([next]).collect()));
        }
    }
    back
}

/// A pod, or an address; all of the node's own are one.
fn subject(party: Option<&Party>, address: IpAddr) -> Subject {
    match party {
        Some(Party::Node { .. }) => Subject { party: party.cloned(), ..Subject::node() },
        _ => Subject::party(party, address),
    }
}
