//! TCP segments that begin and end connections to [`Connection`]s.
//!
//! A SYN is the same SYN at another point when it has the same initial sequence number, whatever NAT did to its addresses;
//! what acknowledges that number answers it. What comes later goes with the addresses that were seen so far.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::connection_open::{Ends, Opened};
use super::{Connection, ConnectionOutcome, SETTLE};
use crate::capture::{BootTime, Point};
use crate::decode::{Observation, Segment, Signal, SignalEvent, Transport};

/// How long after its last sending a SYN is given up: Linux sends it again after 1 s, 3 s and 7 s, stub resolvers wait 5 s.
pub const SYN_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as streams are followed (RFC 7766, 6.2.3 leaves open how long connections idle).
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// A busy node has some hundred connections that speak DNS; about 2 KiB each with the usual path.
pub(super) const CONNECTIONS_MAX: usize = 4096;

/// What became of connections; those that are given out are in one of the outcomes each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// SYN and ACK were seen.
    pub accepted: u64,
    /// RST or an ICMP error came in answer.
    pub refused: u64,
    /// Nothing came in answer.
    pub no_answer: u64,
    /// Accepted before, and then reset with a query on it.
    pub reset: u64,
    /// Not decided when the run ended, or when they were evicted.
    pub outstanding: u64,
    /// Forgotten early because too many were followed.
    pub evicted: u64,
    /// Sightings left out of a path because of its bound.
    pub path_cut: u64,
}

/// Addresses of a connection at some point, client first. Every netns has its own loopback addresses.
type Pair = (SocketAddr, SocketAddr, u32);

/// The connections that are followed.
#[derive(Default)]
pub(super) struct Connections {
    /// The oldest first: ids count up.
    followed: BTreeMap<u64, Opened>,
    by_syn: HashMap<u32, u64, RandomState>,
    by_pair: HashMap<Pair, u64, RandomState>,
    /// What is to be looked at next.
    deadlines: BTreeSet<(BootTime, u64)>,
    opened: u64,
    given: Vec<Connection>,
    pub(super) counts: ConnectionCounts,
}

impl Connections {
    /// Takes what was given out.
    pub(super) fn take_given(&mut self) -> Vec<Connection> {
        std::mem::take(&mut self.given)
    }

    /// Adds a segment that begins or ends a connection.
    pub(super) fn segment(&mut self, signal: &Signal) {
        let Some(segment) = signal.subject.segment else { return };
        if segment.syn && segment.acknowledged.is_none() {
            return self.syn(signal, segment);
        }
        let asked = segment.acknowledged.and_then(|number| self.by_syn.get(&number.wrapping_sub(1)).copied());
        let answered = if segment.syn || segment.rst { asked } else { None };
        let Some((id, from)) = answered.map(|id| (id, Ends::Server)).or_else(|| self.find(signal)) else { return };
        self.update(id, signal.time, |opened| match (from, segment) {
            (Ends::Server, Segment { syn: true, .. }) => opened.accept(signal),
            (Ends::Server, Segment { rst: true, .. }) => opened.reset_by_server(signal),
            (Ends::Server, Segment { fin: true, .. }) => opened.closed_by_server(signal.time),
            (Ends::Client, Segment { fin: true, .. } | Segment { rst: true, .. }) => opened.closed_by_client(),
            _ => {}
        });
        self.know_pair(id, signal, from);
    }

    /// Adds a message over TCP.
    pub(super) fn message(&mut self, o: &Observation<'_>) {
        if o.transport != Transport::Tcp || self.followed.is_empty() {
            return;
        }
        let Some((id, from)) = self.find_between(o.src, o.dst, o.point) else { return };
        let message_id = o.message.header.id;
        self.update(id, o.time, |opened| match from {
            Ends::Client if !o.message.header.is_response() => opened.query(message_id, o.time),
            Ends::Server if o.message.header.is_response() => opened.response(message_id),
            _ => {}
        });
    }

    /// Adds what happened to a packet; `false` when it is of no connection that is known.
    pub(super) fn sign(&mut self, signal: &Signal) -> bool {
        if signal.subject.transport != Transport::Tcp {
            return false;
        }
        let by_syn = signal.subject.segment.and_then(|segment| self.by_syn.get(&segment.seq).copied());
        let Some((id, from)) = by_syn.map(|id| (id, Ends::Client)).or_else(|| self.find(signal)) else { return false };
        self.update(id, signal.time, |opened| {
            opened.add_sign(signal, from);
            match &signal.event {
                SignalEvent::Rejected(_) if by_syn.is_some() => opened.refuse(),
                _ => {}
            }
        });
        true
    }

    /// Gives out what is decided by `now`, and forgets what was idle for long.
    pub(super) fn expire(&mut self, now: BootTime) {
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now {
                return;
            }
            self.deadlines.remove(&(deadline, id));
            let Some(opened) = self.followed.get_mut(&id) else { continue };
            if opened.is_given() {
                self.remove(id);
                continue;
            }
            opened.time_is_over();
            opened.deadline = deadline.after(IDLE_TIMEOUT);
            self.deadlines.insert((opened.deadline, id));
            self.give(id);
        }
    }

    /// Gives out every connection that was not, at the end of a run.
    pub(super) fn finish(&mut self) {
        while let Some(&(_, id)) = self.deadlines.first() {
            self.end(id);
        }
    }

    fn syn(&mut self, signal: &Signal, segment: Segment) {
        let known = self.by_syn.get(&segment.seq).copied();
        let same = known.filter(|id| self.followed.get(id).is_some_and(|opened| opened.is_same_syn(signal)));
        if let Some(id) = same {
            self.update(id, signal.time, |opened| opened.add_syn(signal));
            return self.know_pair(id, signal, Ends::Client);
        }
        if self.followed.len() >= CONNECTIONS_MAX {
            self.evict();
        }
        self.opened += 1;
        let id = self.opened;
        let deadline = signal.time.after(SYN_TIMEOUT);
        self.followed.insert(id, Opened::new(signal, segment.seq, deadline));
        self.by_syn.insert(segment.seq, id);
        self.deadlines.insert((deadline, id));
        self.know_pair(id, signal, Ends::Client);
    }

    /// Changes a connection, and when it is looked at next.
    fn update(&mut self, id: u64, now: BootTime, change: impl FnOnce(&mut Opened)) {
        let Some(opened) = self.followed.get_mut(&id) else { return };
        let Connection { outcome, path_cut, .. } = opened.connection;
        let attempts = opened.connection.attempts.len();
        change(opened);
        self.counts.path_cut += u64::from(opened.connection.path_cut - path_cut);
        let wait = match opened.connection.outcome {
            ConnectionOutcome::Outstanding if opened.connection.attempts.len() > attempts => SYN_TIMEOUT,
            // Further sightings of what decided it.
            decided if decided != outcome => SETTLE,
            _ if opened.is_given() => IDLE_TIMEOUT,
            _ => return,
        };
        self.deadlines.remove(&(opened.deadline, id));
        opened.deadline = now.after(wait);
        self.deadlines.insert((opened.deadline, id));
    }

    fn know_pair(&mut self, id: u64, signal: &Signal, from: Ends) {
        let (src, dst) = (signal.subject.src, signal.subject.dst);
        let (client, server) = if from == Ends::Client { (src, dst) } else { (dst, src) };
        let pair = pair(client, server, signal.point);
        let is_new = self.followed.get_mut(&id).is_some_and(|opened| opened.add_pair(pair));
        if is_new {
            self.by_pair.insert(pair, id);
        }
    }

    fn find(&self, signal: &Signal) -> Option<(u64, Ends)> {
        self.find_between(signal.subject.src, signal.subject.dst, signal.point)
    }

    fn find_between(&self, src: SocketAddr, dst: SocketAddr, point: Point) -> Option<(u64, Ends)> {
        let from_client = self.by_pair.get(&pair(src, dst, point)).map(|&id| (id, Ends::Client));
        from_client.or_else(|| self.by_pair.get(&pair(dst, src, point)).map(|&id| (id, Ends::Server)))
    }

    fn evict(&mut self) {
        let Some((&id, _)) = self.followed.first_key_value() else { return };
        self.counts.evicted += u64::from(self.followed.get(&id).is_some_and(|opened| !opened.is_given()));
        self.end(id);
    }

    fn end(&mut self, id: u64) {
        if self.followed.get(&id).is_some_and(|opened| !opened.is_given()) {
            self.give(id);
        }
        self.remove(id);
    }

    fn give(&mut self, id: u64) {
        let Some(opened) = self.followed.get_mut(&id) else { return };
        *match opened.connection.outcome {
            ConnectionOutcome::Accepted => &mut self.counts.accepted,
            ConnectionOutcome::Refused => &mut self.counts.refused,
            ConnectionOutcome::NoAnswer => &mut self.counts.no_answer,
            ConnectionOutcome::Reset => &mut self.counts.reset,
            ConnectionOutcome::Outstanding => &mut self.counts.outstanding,
        } += 1;
        self.given.push(opened.give());
    }

    fn remove(&mut self, id: u64) {
        let Some(opened) = self.followed.remove(&id) else { return };
        self.deadlines.remove(&(opened.deadline, id));
        forget(&mut self.by_syn, &opened.syn, id);
        opened.pairs().iter().for_each(|pair| forget(&mut self.by_pair, pair, id));
    }
}

/// Takes an entry out, if it is still the one that was put in: a newer connection may have the same by now.
fn forget<K: Eq + Hash>(index: &mut HashMap<K, u64, RandomState>, key: &K, id: u64) {
    if index.get(key) == Some(&id) {
        index.remove(key);
    }
}

fn pair(client: SocketAddr, server: SocketAddr, point: Point) -> Pair {
    (client, server, if client.ip().is_loopback() { point.netns } else { 0 })
}
