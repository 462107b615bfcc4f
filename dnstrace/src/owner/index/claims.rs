//! Which pod had a netns, an interface or an address at what time.
//!
//! All three are used again: an address a minute later, the inode of a netns at once. So each is looked up by the time
//! of the packet, and what has ended stays known for a while, as packets of that time may still be on their way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::capture::BootTime;
use crate::owner::fact::{PodFact, Source, Text};

/// A transaction ends at most a query timeout after its packets, and waits for names less than that; timeouts of two
/// minutes are the longest that anybody uses.
const TOMBSTONE: Duration = Duration::from_mins(2);
/// Claims on one thing at a time: some sources each on the pod that has it and on one or two that had it.
const CLAIMS_MAX: usize = 32;

/// What a pod may have for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::owner) enum Key {
    /// Inode of its netns.
    Netns(u32),
    /// Index of the node's interface that leads to it.
    Interface(u32),
    /// Its address.
    Address(IpAddr),
}

/// A source says that a pod has something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    source: Source,
    uid: Text,
    sandbox: Option<Text>,
    /// `None` is before anything that was seen.
    since: Option<BootTime>,
    until: Option<BootTime>,
}

impl Claim {
    fn covers(&self, time: BootTime) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time <= until)
    }

    fn is_by(&self, by: &Claimant<'_>) -> bool {
        self.source == by.source && *self.uid == *by.uid && self.sandbox.as_deref() == by.sandbox
    }
}

/// Who claims: a source, for one sandbox of a pod.
#[derive(Clone, Copy)]
pub(super) struct Claimant<'a> {
    pub(super) source: Source,
    pub(super) uid: &'a str,
    pub(super) sandbox: Option<&'a str>,
}

/// All claims.
#[derive(Debug, Default)]
pub(super) struct Claims {
    by_key: HashMap<Key, Vec<Claim>, foldhash::fast::RandomState>,
}

/// Whom something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held<'a> {
    /// UID of the pod.
    pub(super) uid: &'a Text,
    /// Whether as good a claim is another pod's.
    pub(super) is_disputed: bool,
}

impl Claims {
    /// A source says what a pod has from now on; `fact` replaces what it said before.
    pub(super) fn replace(&mut self, source: Source, before: Option<&PodFact>, fact: &PodFact, now: BootTime) {
        let keys = keys(fact);
        let claimant = Claimant { source, uid: &fact.uid, sandbox: fact.sandbox.as_deref() };
        for key in before.map(self::keys).unwrap_or_default() {
            if !keys.contains(&key) {
                self.end(key, &claimant, now);
            }
        }
        for key in keys {
            self.claim(key, source, fact);
        }
    }

    /// A source does not know a pod any more.
    pub(super) fn end_all(&mut self, source: Source, fact: &PodFact, now: BootTime) {
        let claimant = Claimant { source, uid: &fact.uid, sandbox: fact.sandbox.as_deref() };
        for key in keys(fact) {
            self.end(key, &claimant, now);
        }
    }

    /// The pod that had something at `time`. What the most trusted source says counts, and of that the newest.
    pub(super) fn holder(&self, key: Key, time: BootTime) -> Option<Held<'_>> {
        let claims = self.by_key.get(&key)?;
        let covering = || claims.iter().filter(|claim| claim.covers(time));
        let best = covering().min_by_key(|claim| (claim.source, std::cmp::Reverse(claim.since)))?;
        let is_disputed = covering().any(|claim| claim.uid != best.uid && claim.since >= best.since);
        Some(Held { uid: &best.uid, is_disputed })
    }

    /// Forgets what ended long ago.
    pub(super) fn prune(&mut self, now: BootTime) {
        self.by_key.retain(|_, claims| {
            claims.retain(|claim| claim.until.is_none_or(|until| now.since(until) < TOMBSTONE));
            !claims.is_empty()
        });
    }

    fn claim(&mut self, key: Key, source: Source, fact: &PodFact) {
        let claims = self.by_key.entry(key).or_default();
        let claimant = Claimant { source, uid: &fact.uid, sandbox: fact.sandbox.as_deref() };
        if let Some(known) = claims.iter_mut().find(|claim| claim.is_by(&claimant)) {
            (known.since, known.until) = (known.since.min(fact.since), None);
            return;
        }
        if claims.len() >= CLAIMS_MAX {
            // The first to have ended, or the oldest.
            claims.remove(claims.iter().position(|claim| claim.until.is_some()).unwrap_or(0));
        }
        let (uid, sandbox) = (fact.uid.clone(), fact.sandbox.clone());
        claims.push(Claim { source, uid, sandbox, since: fact.since, until: None });
    }

    fn end(&mut self, key: Key, claimant: &Claimant<'_>, now: BootTime) {
        let claims = self.by_key.get_mut(&key).into_iter().flatten();
        for claim in claims.filter(|claim| claim.is_by(claimant)) {
            claim.until.get_or_insert(now);
        }
    }
}

/// What a pod has for itself: with the node's network, nothing.
fn keys(fact: &PodFact) -> Vec<Key> {
    if fact.host_network == Some(true) {
        return Vec::new();
    }
    let netns = fact.netns.into_iter().map(Key::Netns);
    let interfaces = fact.interfaces.iter().copied().map(Key::Interface);
    netns.chain(interfaces).chain(fact.addresses.iter().map(|address| Key::Address(address.to_canonical()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::Address(IpAddr::V4(std::net::Ipv4Addr::new(10, 244, 0, 7)));

    fn pod(uid: &str, since: Option<u64>) -> PodFact {
        let addresses = vec!["10.244.0.7".parse().unwrap()];
        PodFact { uid: uid.into(), addresses, since: since.map(BootTime), ..PodFact::default() }
    }

    fn holder(claims: &Claims, time: u64) -> Option<(&str, bool)> {
        claims.holder(KEY, BootTime(time)).map(|held| (&**held.uid, held.is_disputed))
    }

    #[test]
    fn address_used_again_is_looked_up_by_time() {
        let mut claims = Claims::default();
        claims.replace(Source::Cni, None, &pod("a", None), BootTime(0));
        claims.end_all(Source::Cni, &pod("a", None), BootTime(100));
        claims.replace(Source::Cni, None, &pod("b", Some(150)), BootTime(151));
        let at = [50, 100, 120, 150, 1_000].map(|time| holder(&claims, time));
        assert_eq!(at, [Some(("a", false)), Some(("a", false)), None, Some(("b", false)), Some(("b", false))]);
    }

    #[test]
    fn newer_claim_wins_where_the_end_of_the_older_was_not_noticed() {
        let mut claims = Claims::default();
        claims.replace(Source::Cni, None, &pod("a", None), BootTime(0));
        claims.replace(Source::Cni, None, &pod("b", Some(150)), BootTime(151));
        assert_eq!((holder(&claims, 149), holder(&claims, 150)), (Some(("a", false)), Some(("b", false))));
    }

    #[test]
    fn claims_of_one_time_are_disputed() {
        let mut claims = Claims::default();
        claims.replace(Source::Cni, None, &pod("a", None), BootTime(0));
        claims.replace(Source::Cni, None, &pod("b", None), BootTime(0));
        assert_eq!(holder(&claims, 1).map(|held| held.1), Some(true));
    }

    #[test]
    fn more_trusted_source_wins() {
        let mut claims = Claims::default();
        // The API server has not heard of the end of one pod, and knows when another began to a second only.
        claims.replace(Source::Api, None, &pod("old", None), BootTime(0));
        claims.replace(Source::Cni, None, &pod("new", Some(150)), BootTime(151));
        assert_eq!(holder(&claims, 160), Some(("new", false)));
        let mut claims = Claims::default();
        claims.replace(Source::Api, None, &pod("new", Some(100)), BootTime(100));
        claims.replace(Source::Cni, None, &pod("old", None), BootTime(0));
        assert_eq!(holder(&claims, 110), Some(("old", true)));
    }

    #[test]
    fn what_a_source_says_replaces_what_it_said() {
        let mut claims = Claims::default();
        let before = pod("a", None);
        claims.replace(Source::Cri, None, &before, BootTime(0));
        let now = PodFact { addresses: Vec::new(), netns: Some(7), ..before.clone() };
        claims.replace(Source::Cri, Some(&before), &now, BootTime(10));
        assert_eq!((holder(&claims, 10), holder(&claims, 11)), (Some(("a", false)), None));
        assert!(claims.holder(Key::Netns(7), BootTime(11)).is_some());
    }

    #[test]
    fn pod_with_the_nodes_network_has_nothing_for_itself() {
        let mut claims = Claims::default();
        let fact = PodFact { host_network: Some(true), netns: Some(1), ..pod("a", None) };
        claims.replace(Source::Api, None, &fact, BootTime(0));
        assert_eq!((holder(&claims, 1), claims.holder(Key::Netns(1), BootTime(1))), (None, None));
    }

    #[test]
    fn what_ended_is_forgotten_after_two_minutes() {
        let mut claims = Claims::default();
        claims.replace(Source::Cni, None, &pod("a", None), BootTime(0));
        claims.end_all(Source::Cni, &pod("a", None), BootTime(0));
        claims.prune(BootTime(119_999_999_999));
        assert_eq!(holder(&claims, 0), Some(("a", false)));
        claims.prune(BootTime(120_000_000_000));
        assert_eq!(holder(&claims, 0), None);
    }
}
