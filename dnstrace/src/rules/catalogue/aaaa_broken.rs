//! `aaaa-broken`: a name has A records, and asking for AAAA fails.

use std::time::Duration;

use foldhash::HashMap;

use super::Rule;
use crate::capture::BootTime;
use crate::decode::iana;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::findings::{Found, LookupClaim};
use crate::rules::lookup::{Ask, Libc, Lookup, Step};
use crate::rules::name::Name;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "aaaa-broken",
    title: "a name has IPv4 addresses, and asking for its IPv6 addresses fails",
    severity: Severity::Warning,
    meaning: "Stub resolvers ask for A and AAAA at once. A name without IPv6 addresses has an empty answer for AAAA; here it \
              is NXDOMAIN (`there is no such name`), an error, or nothing. musl believes that NXDOMAIN, and waits five \
              seconds after an error: its applications fail, those on glibc do not.",
    signature: "In one lookup, A is answered with addresses and AAAA with NXDOMAIN or an error, or twice not at all. One such \
                lookup is likely, as the name may just have been made; the same again half a minute later is certain.",
    remedy: "Have the zone's server or the upstream resolver answer AAAA with NOERROR without records. Until then CoreDNS can: \
             `template IN AAAA example.org { rcode NOERROR }` with `fallthrough` for the rest.",
    link: "https://coredns.io/plugins/template/",
    surer: "the same lookup again: `dig NAME AAAA`",
    explains_failure: true,
};

const A: u16 = 1;
const AAAA: u16 = 28;
const NXDOMAIN: u16 = 3;
/// CoreDNS keeps NXDOMAIN for 30 s as usual: until then it may be of before the name was made.
const AGAIN: Duration = Duration::from_secs(30);
/// Names that are broken: a few zones' at most.
const NAMES_MAX: usize = 1_024;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct AaaaBroken {
    /// When each was seen to be first.
    first: HashMap<Name, BootTime>,
}

impl Rule for AaaaBroken {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        let Some((step, fate)) = lookup.steps.iter().find_map(|step| Some((step, fate(step)?))) else { return };
        let subject = Subject::name(&step.name);
        let about = subject.about.clone();
        let certainty = fate.certainty(self.is_again(&step.name, lookup.begin));
        let claim = LookupClaim { lookup, step, subject, certainty };
        let sentence = || format!("has A records, and for AAAA {}", fate.words());
        match fate {
            Fate::Answered(_) => found.seen_in(claim, sentence),
            Fate::NoResponse => found.missed_in(claim, sentence),
        }
        let failed = of(step, AAAA).filter_map(|ask| world.window.get(ask.id));
        failed.filter(|case| case.failed()).for_each(|case| found.explains(case));
        if lookup.libc() == Some(Libc::Musl) {
            let fact = "some queries have the form of musl's, which fails or waits for this (an inference)";
            found.fact(&about, fact.to_owned());
        }
    }
}

impl AaaaBroken {
    fn is_again(&mut self, name: &Name, time: BootTime) -> bool {
        if self.first.len() >= NAMES_MAX && !self.first.contains_key(name) {
            return false;
        }
        let first = *self.first.entry(name.clone()).or_insert(time);
        time.since(first) >= AGAIN
    }
}

/// What became of AAAA.
#[derive(Clone, Copy)]
enum Fate {
    Answered(u16),
    NoResponse,
}

impl Fate {
    fn certainty(self, is_again: bool) -> Certainty {
        match (self, is_again) {
            (Self::Answered(_), true) => Certainty::Certain,
            (Self::Answered(_), false) | (Self::NoResponse, true) => Certainty::Likely,
            (Self::NoResponse, false) => Certainty::Suspected,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Answered(rcode) => format!("the response is {}", iana::rcode(rcode)),
            Self::NoResponse => "there is no response".to_owned(),
        }
    }
}

/// `None` when nothing is wrong with AAAA, or with A, too.
fn fate(step: &Step) -> Option<Fate> {
    let has_a = of(step, A).any(|ask| ask.is_found);
    let is_bad = |ask: &Ask| ask.failed() || ask.rcode == Some(NXDOMAIN);
    let (mut asks, all) = (of(step, AAAA), of(step, AAAA).all(is_bad));
    let first = asks.next().filter(|_| has_a && all)?;
    let sent: u32 = of(step, AAAA).map(|ask| u32::from(ask.attempts)).sum();
    match of(step, AAAA).find_map(|ask| ask.rcode) {
        Some(rcode) => Some(Fate::Answered(rcode)),
        // Of one query that was lost, the cause is elsewhere.
        None => (first.failed() && sent >= 2).then_some(Fate::NoResponse),
    }
}

fn of(step: &Step, qtype: u16) -> impl Iterator<Item = &Ask> {
    step.asks.iter().filter(move |ask| ask.qtype == qtype)
}
