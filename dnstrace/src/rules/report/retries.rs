//! Truncated responses after which the same was asked over TCP.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::Asked;
use super::facts::Facts;
use crate::capture::BootTime;
use crate::decode::Transport;
use crate::join::Transaction;

/// A stub resolver asks over TCP at once; what comes later than it would wait for a response is a new question.
const WINDOW_NS: u64 = 5_000_000_000;
/// What may wait for its other half, up to 0.4 KiB each; the oldest is forgotten: at 800 such queries a second it has
/// had its time.
const WAITING_MAX: usize = 4_096;

/// Who asked what, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    client: IpAddr,
    qtype: u16,
    name: Box<[u8]>,
    time: BootTime,
}

/// What waits for its other half; either may be given out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    /// Asked over UDP, with a truncated response.
    Truncated(Asked),
    /// Asked over TCP.
    Tcp,
}

/// Queries that may belong together.
#[derive(Debug, Default)]
pub(super) struct Retries {
    waiting: BTreeMap<Key, Half>,
    by_age: VecDeque<Key>,
}

impl Retries {
    /// Whom the client asked first, if `transaction` and an earlier one are a truncated response and what followed it.
    pub(super) fn add(&mut self, transaction: &Transaction, facts: &Facts) -> Option<Asked> {
        let half = match transaction.transport {
            Transport::Tcp => Half::Tcp,
            Transport::Udp if facts.is_truncated() => Half::Truncated(Asked::of(transaction)),
            Transport::Udp => return None,
        };
        let (qtype, name) = (facts.qtype?, facts.name.clone()?);
        let key = Key { client: transaction.client.ip(), qtype, name, time: transaction.time };
        let asked = self.take(&key, half);
        if asked.is_none() {
            self.wait(key, half);
        }
        asked
    }

    /// Takes the other half of `half`.
    fn take(&mut self, key: &Key, half: Half) -> Option<Asked> {
        let at = |time| Key { time, ..key.clone() };
        let range = match half {
            Half::Tcp => at(BootTime(key.time.0.saturating_sub(WINDOW_NS)))..=at(key.time),
            Half::Truncated(_) => at(key.time)..=at(BootTime(key.time.0.saturating_add(WINDOW_NS))),
        };
        let found = self.waiting.range(range).find_map(|(key, other)| match (half, *other) {
            (Half::Tcp, Half::Truncated(asked)) | (Half::Truncated(asked), Half::Tcp) => Some((key.clone(), asked)),
            _ => None,
        });
        let (key, asked) = found?;
        self.waiting.remove(&key);
        Some(asked)
    }

    fn wait(&mut self, key: Key, half: Half) {
        if self.by_age.len() >= WAITING_MAX
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.waiting.remove(&oldest);
        }
        self.by_age.push_back(key.clone());
        self.waiting.insert(key, half);
    }
}
