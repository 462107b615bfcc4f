//! How long is waited for what.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How long is waited for what. Tests do not wait as long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// A server that works answers in milliseconds; one that has not begun to after this long hangs.
    pub(super) first_answer: Duration,
    /// The longest answer is a page of 500 objects, some MB: over the slowest link that is worth it.
    pub(super) whole_answer: Duration,
    /// A plugin of the kubeconfig may have to ask a cloud for a token.
    pub(super) credentials: Duration,
    /// Between two attempts, at first,
    pub(super) retry_first: Duration,
    /// and after many that failed: an outage's end is known a minute later at the latest.
    pub(super) retry_max: Duration,
    /// Between the beginnings of two watches: a server that ends each at once must not be stormed.
    pub(super) watches: Duration,
    /// Services come and go with releases; their addresses stay.
    pub(super) services: Duration,
    /// An address that nobody knows may be that of a new Service: they are listed again for it, at most this often.
    pub(super) services_asked: Duration,
    /// Endpoints of cluster DNS change when its pods are moved.
    pub(super) endpoints: Duration,
    /// Between two questions for a pod of another node: five a second, as the server looks through its pods for each.
    pub(super) remote_asks: Duration,
    /// How long a pod is taken to have an address, after that was asked for:
    pub(super) remote_found: Duration,
    /// and nobody, where that was the answer.
    pub(super) remote_missing: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_answer: Duration::from_secs(10),
            whole_answer: Duration::from_mins(1),
            credentials: Duration::from_secs(30),
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_mins(1),
            watches: Duration::from_secs(1),
            services: Duration::from_mins(5),
            services_asked: Duration::from_secs(30),
            endpoints: Duration::from_secs(30),
            remote_asks: Duration::from_millis(200),
            remote_found: Duration::from_mins(1),
            remote_missing: Duration::from_secs(30),
        }
    }
}

/// How long to wait before the next attempt: twice as long each time, and not at the same time as all other nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackOff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl BackOff {
    pub(super) fn new(pace: &Pace) -> Self {
        Self { first: pace.retry_first, max: pace.retry_max, failures: 0 }
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn next(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        let jitter = u32::try_from(RandomState::new().hash_one(0) % 1000).unwrap_or(0);
        (doubled + doubled.min(self.max) * jitter / 2000).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_a_minute() {
        let mut back_off = BackOff::new(&Pace::default());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let delay = back_off.next();
            let least = Duration::from_secs(seconds);
            assert!(delay >= least && delay <= (least * 3 / 2).min(Duration::from_mins(1)), "{seconds}: {delay:?}");
        }
        for _ in 0..100 {
            assert_eq!(back_off.next(), Duration::from_mins(1));
        }
        back_off.reset();
        assert!(back_off.next() < Duration::from_secs(2));
    }
}
