//! Queries that go in a circle: who asks on what he was asked, and is asked it again by whom he asked.
//!
//! Only what has no good response can be part of a loop, so healthy traffic costs nothing here. Transactions for one
//! question are edges from who asked to who was asked; a loop is a cycle of such edges, each of which was gone at least
//! twice with new message IDs or ports, or where each asks on as the very process that was asked. Clients that ask at the same time make no cycle, nor do a resolver's own
//! tries, nor a chain of forwarders, nor two that hand each other different zones.

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;

use super::case::{Asked, Case};
use super::finding::{About, Certainty, Subject};
use super::world::World;
use crate::capture::BootTime;
use crate::owner::Party;

/// Forwarders that merge the same question ask again after seconds only.
const MEMORY: Duration = Duration::from_secs(10);
/// Questions that are followed at once; the oldest is forgotten.
const QUESTIONS_MAX: usize = 1_024;
/// Edges of one question that are told apart: cycles have two or three.
const EDGES_MAX: usize = 16;
/// Resolvers in one loop: two, with a Service between them, is what people build.
const HOPS_MAX: usize = 4;
/// Where nobody knows the process behind a loopback address, an application that asks its own cache looks the same. A
/// loop makes a lap in 0.1 ms: whoever asks the same so often in so short a time, each time anew, is hardly one.
const BURST: Duration = Duration::from_millis(10);
const BURST_QUERIES: u64 = 16;
/// The question of CoreDNS' loop plugin is random: nobody else asks it.
const HINFO: u16 = 13;
const PROBE_QUERIES: u64 = 2;
/// An edge was gone again, and the client's own query once.
const LAPS_MIN: u64 = 2;

/// What is followed.
#[derive(Debug, Default)]
pub(super) struct Loops {
    questions: HashMap<Asked, Followed>,
    order: VecDeque<Asked>,
}

#[derive(Debug, Default)]
struct Followed {
    edges: Vec<Edge>,
    /// It went in this circle, of these edges.
    cycle: Option<(Vec<usize>, Arc<Cycle>)>,
}

/// A loop.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// Who asks whom, in the order of the circle; the last asks the first.
    pub hops: Vec<CycleHop>,
    /// How surely who is asked is the one that asks on.
    pub certainty: Certainty,
}

/// One step of a loop.
#[derive(Clone, Debug)]
pub struct CycleHop {
    /// Who asks.
    pub from: Subject,
    /// Whom, as he sends it: before NAT.
    pub server: SocketAddr,
    /// Who that is.
    pub to: Subject,
    /// Whether that is the address of a Service of cluster DNS.
    pub is_service: bool,
}

/// Who can ask and be asked: a pod, the node, an address; with the process where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    about: About,
    tgid: Option<u32>,
}

/// One who asks one who is asked.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    from: Host,
    to: Host,
    hop: CycleHop,
    first: BootTime,
    last: BootTime,
    /// Transactions, each with its own message ID and port.
    count: u64,
    /// The question is that of the loop plugin.
    is_probe: bool,
}

impl Loops {
    /// What a transaction is to a loop; `None` where it has a good response.
    pub(super) fn edge(case: &Case, world: &World<'_>) -> Option<Edge> {
        (!case.went_well() && !case.is_nxdomain() && !case.is_truncated()).then(|| Edge::of(case, world))
    }

    /// Adds a transaction; gives the loop that it is part of.
    pub(super) fn add(&mut self, case: &Case, edge: Edge) -> Option<Arc<Cycle>> {
        let asked = case.asked.as_ref()?;
        if !self.questions.contains_key(asked) {
            self.begin(asked);
        }
        let followed = self.questions.get_mut(asked)?;
        let at = followed.join(edge)?;
        // Of a storm, the first laps tell it all.
        if let Some((way, cycle)) = &followed.cycle
            && cycle.certainty == Certainty::Certain
            && way.contains(&at)
        {
            return Some(Arc::clone(cycle));
        }
        let way = cycle(&followed.edges, at)?;
        let edges = || way.iter().map(|at| &followed.edges[*at]);
        let is_proven = edges().all(|edge| edge.count >= LAPS_MIN) || is_of_processes(edges());
        let certainty = edges().map(Edge::certainty).min().flatten().filter(|_| is_proven)?;
        let found = Arc::new(Cycle { hops: edges().map(|edge| edge.hop.clone()).collect(), certainty });
        followed.cycle = Some((way, Arc::clone(&found)));
        Some(found)
    }

    /// Whether a question went in a circle: then its loop is why a transaction has no good response, also one of those
    /// that came before that was seen, or stand outside of it.
    pub(super) fn explains(&self, case: &Case) -> bool {
        case.asked.as_ref().and_then(|asked| self.questions.get(asked)).is_some_and(|followed| followed.cycle.is_some())
    }

    fn begin(&mut self, asked: &Asked) {
        if self.order.len() >= QUESTIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.questions.remove(&oldest);
        }
        self.order.push_back(asked.clone());
        self.questions.insert(asked.clone(), Followed::default());
    }
}

impl Followed {
    /// Which edge a transaction is; `None` when there are too many.
    fn join(&mut self, edge: Edge) -> Option<usize> {
        // One that is gone no more makes no loop with those of now.
        let is_over = |known: &Edge| edge.first.since(known.last) >= MEMORY;
        if self.edges.iter().any(is_over) {
            self.edges.retain(|known| !is_over(known));
            self.cycle = None;
        }
        if let Some(at) = self.edges.iter().position(|known| known.is_same(&edge)) {
            self.edges[at].join(&edge);
            return Some(at);
        }
        let is_room = self.edges.len() < EDGES_MAX;
        is_room.then(|| self.edges.push(edge))?;
        Some(self.edges.len() - 1)
    }
}

impl Edge {
    fn of(case: &Case, world: &World<'_>) -> Self {
        let from = subject(case.who.client.as_ref(), case.client.ip());
        let responder = case.responder().ip();
        // What is asked at a loopback address does not leave its netns.
        let to = if responder.is_loopback() && case.who.server.is_none() {
            from.clone()
        } else {
            subject(case.who.server.as_ref(), responder)
        };
        let is_service = world.is_cluster_server(case.server);
        let hosts = [(from.about.clone(), case.client_tgid), (to.about.clone(), case.server_tgid)]
            .map(|(about, tgid)| Host { about, tgid });
        let [from_host, to_host] = hosts;
        let hop = CycleHop { from, server: case.server, to, is_service };
        Self {
            from: from_host,
            to: to_host,
            hop,
            first: case.time,
            last: case.time,
            count: 1,
            is_probe: is_probe(case),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.from.is(&other.from) && self.to.is(&other.to) && self.hop.server == other.hop.server
    }

    fn join(&mut self, other: &Self) {
        self.count += 1;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (own, its) in [(&mut self.from, &other.from), (&mut self.to, &other.to)] {
            own.tgid = own.tgid.or(its.tgid);
        }
    }

    /// How surely who is asked can be the one that asks on: in one pod, an application asks its own cache.
    fn certainty(&self) -> Option<Certainty> {
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
    /// The same host, and not another process of it.
    fn is(&self, other: &Self) -> bool {
        self.about == other.about && !matches!((self.tgid, other.tgid), (Some(own), Some(its)) if own != its)
    }

    /// The same process, and known to be so.
    fn is_process(&self, other: &Self) -> bool {
        self.about == other.about && self.tgid.is_some() && self.tgid == other.tgid
    }
}

/// Whether each asks on as the very process that was asked. Then it need not be seen to happen again, as forwarders that
/// merge equal questions have one query for many laps.
fn is_of_processes<'a>(way: impl Iterator<Item = &'a Edge> + Clone) -> bool {
    let next = way.clone().skip(1).chain(way.clone().take(1));
    way.clone().count() > 1 && way.zip(next).all(|(edge, next)| edge.to.is_process(&next.from))
}

/// `1.2.` and a zone, of type HINFO: see CoreDNS' plugin/loop.
fn is_probe(case: &Case) -> bool {
    let is_number = |label: &[u8]| label.iter().all(u8::is_ascii_digit);
    case.qtype() == Some(HINFO)
        && case.name().is_some_and(|name| name.count() >= 2 && name.labels().take(2).all(is_number))
}

/// The way from an edge's end back to its beginning, with the edge itself first.
fn cycle(edges: &[Edge], at: usize) -> Option<Vec<usize>> {
    let goal = &edges[at].from;
    let mut ways = VecDeque::from([vec![at]]);
    while let Some(way) = ways.pop_front() {
        let end = &edges[*way.last()?].to;
        if end.is(goal) {
            return Some(way);
        }
        if way.len() >= HOPS_MAX {
            continue;
        }
        let next = (0..edges.len()).filter(|next| !way.contains(next) && edges[*next].from.is(end));
        ways.extend(next.map(|next| way.iter().copied().chain([next]).collect()));
    }
    None
}

/// A pod, or an address; all of the node's own are one.
fn subject(party: Option<&Party>, address: IpAddr) -> Subject {
    match party {
        Some(Party::Node { .. }) => Subject { party: party.cloned(), ..Subject::node() },
        _ => Subject::party(party, address),
    }
}

/// Hop by hop: `kube-system/coredns-1 -> 10.96.0.10 -> kube-system/coredns-1`.
impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for hop in &self.hops {
            write!(f, "{} -> ", hop.from)?;
            let address = hop.server.ip().to_string();
            if hop.to.to_string() != address {
                write!(f, "{address} -> ")?;
            }
        }
        self.hops.first().map_or(Ok(()), |first| first.from.fmt(f))
    }
}
