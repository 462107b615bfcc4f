//! `ptr-leak`: addresses of the cluster are looked up outside of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Rule;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::name::Name;
use crate::rules::upstream::{asked_on, is_to_cluster};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "ptr-leak",
    title: "names for addresses of the cluster are asked of upstream servers, which are slow to say that there are none",
    severity: Severity::Advice,
    meaning: "A pod looks up the name of an address (PTR), and CoreDNS passes that on as it has no answer of its own: the \
              upstream server cannot know addresses of pods and Services, and takes long, fails, or does not respond. \
              Programs that log names of who connects to them hang meanwhile.",
    signature: "A PTR query for the address of a known pod, Service or DNS server of this cluster went to an upstream server, \
                and had no response, an error, or one that took longer than 100 ms (--slow). All of it is seen, so it is certain.",
    remedy: "Let CoreDNS answer for the networks of pods and Services itself: name their reverse zones in the Corefile, as in \
             `kubernetes cluster.local 10.in-addr.arpa`, without `fallthrough` for them. Or let the program not look up \
             names of its clients.",
    link: "https://coredns.io/plugins/kubernetes/",
    surer: "nothing: it is in the messages themselves",
    explains_failure: true,
};

const PTR: u16 = 12;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct PtrLeak;

impl Rule for PtrLeak {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let is_bad = case.failed() || case.response_time.is_some_and(|time| time >= world.slow);
        if case.qtype() != Some(PTR) || case.cause.is_some() || !is_bad || found.explained(case).is_some() {
            return;
        }
        let Some(address) = case.name().and_then(address_of).filter(|address| is_of_cluster(*address, case, world))
        else {
            return;
        };
        let leaked = asked_on(case, world).filter(|asked| is_bad_answer(asked, world) && !is_to_cluster(asked, world));
        for asked in leaked.filter(|asked| asked.caused() == 0) {
            let subject = Subject::responder(case);
            let about = subject.about.clone();
            if found.explained(asked).is_none() {
                let claim = Claim { case: asked, subject, certainty: Certainty::Certain };
                found.seen(claim, || format!("asks {} for the name of {address}, of this cluster", asked.responder()));
            }
            found.suffers(&about, case);
        }
    }
}

fn is_bad_answer(asked: &Case, world: &World<'_>) -> bool {
    asked.failed() || asked.response_time.is_some_and(|time| time >= world.slow)
}

fn is_of_cluster(address: IpAddr, case: &Case, world: &World<'_>) -> bool {
    let server = SocketAddr::new(address, case.server.port());
    let is_party = [case.client.ip(), case.server.ip(), case.responder().ip()].contains(&address);
    let is_known = || world.owner.address_name(address, case.time).is_some();
    case.is_to_cluster_dns() && (is_party || world.is_cluster_server(server) || world.is_endpoint(server) || is_known())
}

/// The address of `10.0.244.10.in-addr.arpa`, and of 32 digits below `ip6.arpa`.
fn address_of(name: &Name) -> Option<IpAddr> {
    if let Some(inner) = name.without(&Name::from_text("in-addr.arpa")) {
        let digits: Option<Vec<u8>> =
            inner.labels().map(|label| std::str::from_utf8(label).ok()?.parse().ok()).collect();
        let [d, c, b, a] = digits?[..] else { return None };
        return Some(Ipv4Addr::new(a, b, c, d).into());
    }
    let inner = name.without(&Name::from_text("ip6.arpa"))?;
    let digit = |label: &[u8]| char::from(*label.first().filter(|_| label.len() == 1)?).to_digit(16);
    let digits: Option<Vec<u32>> = inner.labels().map(digit).collect();
    let digits = digits.filter(|digits| digits.len() == 32)?;
    let address = digits.iter().rev().fold(0_u128, |address, digit| address << 4 | u128::from(*digit));
    Some(Ipv6Addr::from_bits(address).into())
}
