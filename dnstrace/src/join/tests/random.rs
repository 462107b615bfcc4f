//! What holds for any stream of observations: nothing is lost, nothing is given out twice, nothing panics.

use std::collections::HashSet;

use super::scenario::{Sighting, message, point, wire_name};
use crate::capture::{BootTime, Socket};
use crate::decode::Transport;
use crate::join::open::{ATTEMPTS_MAX, PATH_MAX};
use crate::join::{Join, JoinOptions, Transaction, TransactionId};

/// Marsaglia's xorshift: the same numbers in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }

    fn some(&mut self, bound: u64) -> Option<u64> {
        Some(self.below(bound)).filter(|&value| value > 0)
    }
}

fn sighting(random: &mut Random) -> Sighting {
    const HOSTS: &[&str] = &["10.0.0.1", "10.0.0.2", "127.0.0.1", "10.96.0.10"];
    let response = random.below(2) == 1;
    let name = wire_name(random.of(&["a.example", "A.example", "b.example"]));
    let qtype = u16::try_from(random.below(2)).unwrap() + 1;
    let question = Some((qtype, 1)).filter(|_| random.below(8) > 0);
    let id = u16::try_from(random.below(3)).unwrap();
    let bytes = message(id, response, question.map(|q| (&name[..], q)), random.of(&["", "", "more"]));
    let client = format!("{}:{}", random.of(HOSTS), 4000 + random.below(3));
    let server = format!("{}:53", random.of(HOSTS));
    let (src, dst) = if response { (server, client) } else { (client, server) };
    let place = u32::try_from(random.below(4)).unwrap();
    let socket = Socket { cookie: random.some(4), cgroup_id: random.some(4), netns: None, process: None };
    let point = point(random.of(&["x<", "x>", "@x<", "@x>"]), place);
    let transport = if random.below(8) == 0 { Transport::Tcp } else { Transport::Udp };
    Sighting { bytes, name, question, point, src, dst, transport, hop_id: random.some(6), socket, vlan: None }
}

/// The next time: mostly microseconds on, sometimes back, sometimes seconds on, rarely another capture.
fn next_time(random: &mut Random, time: u64) -> u64 {
    match random.below(1000) {
        0 => time / 2,
        1..10 => time + random.below(6_000_000_000),
        10..100 => time.saturating_sub(random.below(50_000)),
        _ => time + random.below(3_000_000),
    }
}

struct Result {
    named: HashSet<TransactionId>,
    out: Vec<Transaction>,
}

fn run(seed: u64, open_max: usize) -> Result {
    let mut random = Random(seed);
    let mut join = Join::new(&JoinOptions { open_max, ..JoinOptions::default() });
    let mut result = Result { named: HashSet::new(), out: Vec::new() };
    let mut time = 1_000_000_000_000;
    for number in 0..4000 {
        time = next_time(&mut random, time);
        if random.below(50) == 0 {
            join.expire(BootTime(time), |t| result.out.push(t));
        }
        // The last digits number the observations: no two have one time.
        let unique = BootTime(time / 10_000 * 10_000 + number);
        let sighting = sighting(&mut random);
        result.named.insert(sighting.observe(unique, |o| join.add(o, |t| result.out.push(t))));
        assert!(join.open() <= open_max);
    }
    join.finish(|t| result.out.push(t));
    assert_sums(&join, &result.out);
    result
}

fn assert_sums(join: &Join, out: &[Transaction]) {
    let counts = join.counts();
    assert!(counts.sums_agree(), "{counts:?}");
    assert_eq!(join.open(), 0);
    let began = counts.queries - counts.reordered + counts.unmatched_responses + counts.late_responses;
    assert_eq!((began, out.len() as u64), (counts.transactions, counts.transactions));
    let sightings: u64 = out.iter().map(|t| t.path.len() as u64 + u64::from(t.path_cut)).sum();
    let beside = counts.duplicate_responses + counts.duplicate_sightings + counts.absorbed;
    assert_eq!(sightings + beside, counts.observations);
    assert_eq!(out.iter().map(|t| u64::from(t.path_cut)).sum::<u64>(), counts.path_cut);
    assert_eq!(out.iter().map(|t| u64::from(t.duplicate_responses)).sum::<u64>(), counts.duplicate_responses);
}

#[test]
fn every_observation_is_in_one_transaction_and_every_transaction_is_given_out_once() {
    for seed in 1..30 {
        let Result { named, out } = run(seed * 0x9e37_79b9, if seed % 3 == 0 { 5 } else { 1000 });
        let given: HashSet<TransactionId> = out.iter().map(|t| t.id).collect();
        assert_eq!(given.len(), out.len(), "seed {seed}");
        assert_eq!(named, given, "seed {seed}");
        for t in &out {
            assert!(t.path.is_sorted_by_key(|hop| hop.time) && t.path.len() <= PATH_MAX, "{t:?}");
            assert!(t.attempts.len() <= ATTEMPTS_MAX && t.query.is_some() != t.attempts.is_empty(), "{t:?}");
            assert_eq!(t.query.is_none(), t.outcome == crate::join::Outcome::Unsolicited, "{t:?}");
        }
    }
}

#[test]
fn same_observations_give_the_same_transactions() {
    assert_eq!(run(77, 100).out, run(77, 100).out);
}
