//! Queries that go in a circle: who asks on what he was asked, and is asked it again by whom he asked.
//!
//! Only what has no good response can be part of a loop, so healthy traffic costs nothing here. Transactions for one
//! question are edges from who asked to who was asked; a loop is a cycle of such edges, each of which was gone at least
//! twice with new message IDs or ports, or where each asks on as the very process, or out of the very cgroup, that was
//! asked. Clients that ask at the same time make no cycle, nor do a resolver's own tries, nor a chain of forwarders, nor two
//! that hand each other different zones.

mod edge;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;

use self::edge::{Edge, hops, is_handed_on, ways_back};
use super::case::{Asked, Case};
use super::finding::{Certainty, Subject};
use super::stage::Ended;
use super::world::World;

/// Forwarders that merge the same question ask again after seconds only.
const MEMORY: Duration = Duration::from_secs(10);
/// Questions that are followed at once; the oldest is forgotten.
const QUESTIONS_MAX: usize = 1_024;
/// Edges of one question that are told apart: cycles have two or three.
const EDGES_MAX: usize = 16;
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

impl Loops {
    /// What a transaction is to a loop; `None` where it has a good response.
    pub(super) fn edge(ended: &Ended<'_>, world: &World<'_>) -> Option<Edge> {
        let case = ended.case;
        (!case.went_well() && !case.is_nxdomain() && !case.is_truncated()).then(|| Edge::of(ended, world))
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
        let (way, certainty) = followed.cycle_by(at)?;
        let found = Arc::new(Cycle { hops: hops(&followed.edges, &way), certainty });
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

    /// The shortest way by an edge back to where it begins that is a loop.
    fn cycle_by(&self, at: usize) -> Option<(Vec<usize>, Certainty)> {
        let of = |way: &[usize]| {
            let edges = way.iter().map(|at| &self.edges[*at]);
            let is_again = edges.clone().all(|edge| edge.count >= LAPS_MIN);
            let by_laps = edges.clone().map(Edge::certainty).min().flatten().filter(|_| is_again);
            Some(Certainty::Certain).filter(|_| is_handed_on(edges)).or(by_laps)
        };
        ways_back(&self.edges, at).into_iter().find_map(|way| of(&way).map(|certainty| (way, certainty)))
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
