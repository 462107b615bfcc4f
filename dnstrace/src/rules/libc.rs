//! Which stub resolver seems to ask.

use std::sync::Arc;
use std::time::Duration;

use super::case::Case;
use super::step::Step;
use crate::decode::Transport;

const A: u16 = 1;
const AAAA: u16 = 28;
/// musl makes message IDs of the clock's nanoseconds: those of one lookup lie this close together (measured: 100 to 450).
const MUSL_DISTANCE: std::ops::RangeInclusive<u16> = 32..=2_048;
/// Queries for A and AAAA of one name are sent this close together.
const PAIR: Duration = Duration::from_millis(1);

/// The stub resolver behind a lookup, inferred from the form of its queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Libc {
    /// A and AAAA from one port, unrelated message IDs.
    Glibc,
    /// A and AAAA from one port, message IDs some hundred apart, as they are made from the clock.
    Musl,
    /// A and AAAA from two ports at once, with EDNS of 1,232 bytes.
    Go,
}

impl Libc {
    /// Those that can be told.
    pub const ALL: [Self; 3] = [Self::Glibc, Self::Musl, Self::Go];

    /// As on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
            Self::Go => "Go",
        }
    }

    /// As the form of the queries for a name shows it, where it does.
    pub(super) fn of(step: &Step) -> Option<Self> {
        let is_udp = |case: &&Arc<Case>| case.transport == Transport::Udp;
        let of = |qtype: u16| step.cases().iter().filter(move |case| case.qtype() == Some(qtype)).filter(is_udp);
        let pairs = of(A).flat_map(|a| of(AAAA).map(move |aaaa| (a, aaaa)));
        let mut pairs = pairs.filter(|(a, aaaa)| a.time.since(aaaa.time).max(aaaa.time.since(a.time)) <= PAIR);
        pairs.find_map(|(a, aaaa)| {
            let [has_edns, also_has_edns] =
                [a, aaaa].map(|case| case.query.is_some_and(|query| query.edns_size.is_some()));
            if a.client.port() != aaaa.client.port() {
                return (has_edns && also_has_edns).then_some(Self::Go);
            }
            let distance = aaaa.query?.id.wrapping_sub(a.query?.id);
            Some(if MUSL_DISTANCE.contains(&distance) { Self::Musl } else { Self::Glibc }).filter(|_| !has_edns)
        })
    }
}
