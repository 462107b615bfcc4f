//! Addresses → who had them when the server was asked, as long as that may still be so.

use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::{HashMap, HashMapExt};
use tokio::time::Instant;

use crate::owner::fact::RemotePod;

/// At five answers a second there are 300 that are young enough; the rest is for slower clocks.
const ANSWERS_MAX: usize = 65_536;

/// What the server said.
pub(super) struct Answers {
    max: usize,
    known: HashMap<IpAddr, Answer>,
    /// By age.
    order: VecDeque<(IpAddr, Instant)>,
}

/// What it said of one address.
pub(super) struct Answer {
    pub(super) pod: Option<RemotePod>,
    told: Instant,
    until: Instant,
}

impl Answers {
    pub(super) fn new() -> Self {
        Self { max: ANSWERS_MAX, known: HashMap::new(), order: VecDeque::new() }
    }

    /// Nothing where the server is to be asked again.
    pub(super) fn get(&self, address: IpAddr, now: Instant) -> Option<&Answer> {
        self.known.get(&address).filter(|answer| answer.until > now)
    }

    pub(super) fn insert(&mut self, address: IpAddr, pod: Option<RemotePod>, [told, until]: [Instant; 2]) {
        self.known.insert(address, Answer { pod, told, until });
        self.order.push_back((address, told));
        while self.order.len() > self.max || self.oldest_is_over(told) {
            self.forget_oldest();
        }
    }

    fn oldest_is_over(&self, now: Instant) -> bool {
        let oldest = self.order.front().map(|(address, told)| (self.known.get(address), told));
        oldest.is_some_and(|(answer, told)| answer.is_none_or(|answer| answer.told != *told || answer.until <= now))
    }

    /// An address that was asked for again since has a later entry.
    fn forget_oldest(&mut self) {
        let Some((address, told)) = self.order.pop_front() else { return };
        if self.known.get(&address).is_some_and(|answer| answer.told == told) {
            self.known.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    fn pod(name: &str) -> RemotePod {
        RemotePod { namespace: "shop".into(), name: name.into(), node: None }
    }

    /// The pod's name, empty for none.
    fn known(answers: &Answers, address: IpAddr, now: Instant) -> Option<String> {
        let name = |answer: &Answer| answer.pod.as_ref().map(|pod| pod.name.to_string());
        answers.get(address, now).map(|answer| name(answer).unwrap_or_default())
    }

    #[tokio::test]
    async fn answers_are_forgotten_when_they_are_old() {
        let now = Instant::now();
        let [minute, half] = [60, 30].map(Duration::from_secs);
        let mut answers = Answers::new();
        answers.insert(address(1), Some(pod("a")), [now, now + minute]);
        answers.insert(address(2), None, [now, now + half]);
        assert_eq!(known(&answers, address(1), now), Some("a".to_owned()));
        assert_eq!(known(&answers, address(2), now), Some(String::new()));
        assert_eq!(known(&answers, address(3), now), None);
        assert_eq!(known(&answers, address(2), now + half), None);
        assert_eq!(known(&answers, address(1), now + minute), None);
    }

    #[tokio::test]
    async fn answers_are_bounded_oldest_first() {
        let now = Instant::now();
        let until = now + Duration::from_mins(1);
        let mut answers = Answers { max: 3, ..Answers::new() };
        for (number, later) in (0..).zip(0..5) {
            let now = now + Duration::from_millis(later);
            answers.insert(address(number), None, [now, until]);
        }
        let known: Vec<bool> = (0..5).map(|number| answers.get(address(number), now).is_some()).collect();
        assert_eq!(known, [false, false, true, true, true]);
        assert_eq!((answers.known.len(), answers.order.len()), (3, 3));
    }

    #[tokio::test]
    async fn address_that_is_asked_for_again_stays() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let until = now + Duration::from_mins(1);
        let mut answers = Answers { max: 2, ..Answers::new() };
        answers.insert(address(1), Some(pod("a")), [now, until]);
        answers.insert(address(1), Some(pod("b")), [later, until]);
        answers.insert(address(2), None, [later, until]);
        assert_eq!(known(&answers, address(1), now), Some("b".to_owned()));
        assert!(answers.order.len() <= 2);
    }
}
