//! A simulated node whose truth is known: pods that ask a Service (DNAT) and the world (masquerade with other ports), with
//! so few message IDs, ports and names that the same bytes are under way many times. What the join puts together must
//! belong together; with buffers known, nothing that belongs together may stay apart. The VLAN ID carries the truth.

use std::collections::{HashMap, HashSet};

use super::random::Random;
use super::scenario::{Sighting, message, point, wire_name};
use crate::capture::{BootTime, Socket};
use crate::decode::Transport;
use crate::join::{Join, JoinCounts, JoinOptions, Transaction};

const PODS: u64 = 4;
const MILLISECOND: u64 = 1_000_000;

/// What is simulated.
#[derive(Clone, Copy)]
struct Node {
    queries: u16,
    /// How many message IDs and how many ports there are.
    ids: u64,
    ports: u64,
    /// Whether sightings carry the buffer that a message lies in.
    buffers: bool,
    /// Of a thousand messages, so many are lost at each step of their way.
    lost_messages: u64,
    /// Of a thousand sightings, so many are not handed over.
    lost_sightings: u64,
    /// How much later than it happened a sighting may be handed over, in nanoseconds.
    skew: u64,
}

/// A stub resolver's outstanding query: it does not use the message ID and port again towards the same server.
type Busy = (u64, u64, u16, bool);

struct Step {
    point: &'static str,
    place: u32,
    src: String,
    dst: String,
}

struct Simulation {
    node: Node,
    random: Random,
    time: u64,
    /// Order of arrival, time, sighting.
    sightings: Vec<(u64, u64, Sighting)>,
    busy: HashMap<Busy, u64>,
}

impl Simulation {
    fn new(node: Node, seed: u64) -> Self {
        let random = Random(seed);
        Self { node, random, time: MILLISECOND, sightings: Vec::new(), busy: HashMap::new() }
    }

    fn query(&mut self, owner: u16) {
        let (pod, port, service) =
            (self.random.below(PODS), 1024 + self.random.below(self.node.ports), self.random.below(2) == 0);
        let id = u16::try_from(self.random.below(self.node.ids)).unwrap();
        let busy = (pod, port, id, service);
        self.time += self.random.below(200_000);
        while self.busy.get(&busy).is_some_and(|&until| until >= self.time) {
            self.time += MILLISECOND;
        }
        let way = way(pod, port, service, self.random.below(60_000) + 1024);
        let end = self.send(owner, id, &way);
        self.busy.insert(busy, end);
    }

    /// Sends a query its way and the response back; a lost query once more after 5 s. Until when its message ID is in use.
    fn send(&mut self, owner: u16, id: u16, way: &[Step]) -> u64 {
        let name = wire_name(["a.example", "b.example"][usize::try_from(self.random.below(2)).unwrap()]);
        let back: Vec<Step> = way.iter().rev().map(Step::back).collect();
        for sent in [self.time, self.time + 5000 * MILLISECOND] {
            let Some(arrived) = self.travel(owner, (id, false), &name, way, sent) else { continue };
            let asked = arrived + 100_000 + self.random.below(20 * MILLISECOND);
            let returned = self.travel(owner, (id, true), &name, &back, asked);
            return returned.map_or(asked + 5300 * MILLISECOND, |returned| returned + MILLISECOND);
        }
        self.time + 10_300 * MILLISECOND
    }

    fn travel(&mut self, owner: u16, (id, response): (u16, bool), name: &[u8], way: &[Step], from: u64) -> Option<u64> {
        let mut time = from;
        let buffer = self.random.below(8) + 1;
        for step in way {
            time += 1000 + self.random.below(20_000);
            let skew = self.random.below(self.node.skew);
            if self.random.below(1000) >= self.node.lost_sightings {
                let sighting = step.sighting(message(id, response, Some((name, (1, 1))), ""), name, owner);
                let hop_id = self.node.buffers.then_some(u64::from(owner) << 8 | buffer);
                self.sightings.push((time + skew, time, Sighting { hop_id, ..sighting }));
            }
            if self.random.below(1000) < self.node.lost_messages {
                return None;
            }
        }
        Some(time)
    }

    fn join(mut self) -> (Vec<Transaction>, Join) {
        let mut join = Join::new(&JoinOptions::default());
        let mut out = Vec::new();
        self.sightings.sort_by_key(|&(arrival, _, _)| arrival);
        for (_, time, sighting) in &self.sightings {
            sighting.observe(BootTime(*time), |o| join.add(o, |t| out.push(t)));
        }
        join.finish(|t| out.push(t));
        (out, join)
    }
}

/// The points on the way of a query, with its addresses there.
fn way(pod: u64, port: u64, service: bool, new_port: u64) -> Vec<Step> {
    let place = u32::try_from(pod).unwrap() * 2 + 10;
    let pod = format!("10.244.0.{}:{port}", pod + 10);
    let node = format!("192.0.2.2:{new_port}");
    let (asked, asked_after) = if service { ("10.96.0.10:53", "10.244.0.53:53") } else { ("8.8.8.8:53", "8.8.8.8:53") };
    let step = |point, place, src: &str, dst: &str| Step { point, place, src: src.to_owned(), dst: dst.to_owned() };
    let mut way = vec![step("@>", place, &pod, asked), step("veth<", place + 1, &pod, asked)];
    if service {
        way.extend([step("veth>", 2, &pod, asked_after), step("@<", 3, &pod, asked_after)]);
    } else {
        way.push(step("eth0>", 4, &node, asked_after));
    }
    way
}

impl Step {
    fn back(&self) -> Self {
        let point = match self.point {
            "@>" => "@<",
            "@<" => "@>",
            "veth<" => "veth>",
            "veth>" => "veth<",
            _ => "eth0<",
        };
        Self { point, place: self.place, src: self.dst.clone(), dst: self.src.clone() }
    }

    fn sighting(&self, bytes: Vec<u8>, name: &[u8], owner: u16) -> Sighting {
        Sighting {
            bytes,
            name: name.to_vec(),
            question: Some((1, 1)),
            point: point(self.point, self.place),
            src: self.src.clone(),
            dst: self.dst.clone(),
            transport: Transport::Udp,
            hop_id: None,
            socket: Socket::default(),
            vlan: Some(owner),
        }
    }
}

fn simulate(node: Node, seed: u64) -> (Vec<Transaction>, Join) {
    let mut simulation = Simulation::new(node, seed);
    (0..node.queries).for_each(|owner| simulation.query(owner));
    let (out, join) = simulation.join();
    assert!(join.counts().sums_agree());
    (out, join)
}

fn owners(transaction: &Transaction) -> HashSet<u16> {
    transaction.path.iter().filter_map(|hop| hop.vlan).collect()
}

/// Runs some simulations; how many transactions each gave beyond its queries, and its counts.
fn check(node: Node) -> Vec<(u64, JoinCounts)> {
    (1..6)
        .map(|seed| {
            let (out, join) = simulate(node, seed * 7919);
            let mixed: Vec<_> = out.iter().filter(|t| owners(t).len() != 1).collect();
            assert!(mixed.is_empty(), "seed {seed}: {} mixed: {:#?}", mixed.len(), mixed[0].path);
            (out.len() as u64 - u64::from(node.queries), join.counts().clone())
        })
        .collect()
}

/// Few message IDs, ports and names: the same bytes are always under way.
const CROWDED: Node =
    Node { queries: 2000, ids: 4, ports: 3, buffers: true, lost_messages: 10, lost_sightings: 0, skew: 900 };

#[test]
fn with_buffers_every_query_is_one_transaction() {
    for (beyond, counts) in check(CROWDED) {
        assert_eq!(beyond, 0, "{counts:?}");
    }
}

#[test]
fn without_buffers_what_cannot_be_told_apart_stays_apart() {
    for (beyond, counts) in check(Node { buffers: false, ..CROWDED }) {
        assert!(beyond > 0 && beyond == counts.ambiguous, "{counts:?}");
    }
}

#[test]
fn lost_and_late_sightings_split_transactions_but_never_mix_them() {
    let usual = Node { ids: 1 << 16, ports: 60_000, lost_sightings: 30, skew: 50_000, ..CROWDED };
    for buffers in [true, false] {
        for (beyond, counts) in check(Node { buffers, ..usual }) {
            assert!(beyond < u64::from(usual.queries) / 10, "{counts:?}");
        }
    }
}
