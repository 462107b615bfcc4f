//! `resolv-conf-limits`: a pod's `resolv.conf` has more than its stub resolver takes.

use super::Rule;
use crate::owner::fact::ResolvConf;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::lookup::{Libc, Lookup, LookupOutcome, Step};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "resolv-conf-limits",
    title: "a pod's resolv.conf has more than its stub resolver takes",
    severity: Severity::Warning,
    meaning: "Stub resolvers leave out what goes beyond their limits without a word: musl a whole search line of more than \
              255 characters, glibc before 2.26 search domains after the sixth, all of them nameservers after the third. \
              Short names are not found then, though the file looks right.",
    signature: "A lookup fails, and its queries leave out what the pod's own /etc/resolv.conf says and the limit cuts off. \
                It is certain for a name of one label where the form of the queries is that of musl.",
    remedy: "Shorten the search list: `dnsConfig.searches` of the pod, `resolvConf` of the kubelet, or `dnsPolicy: None` \
             with a list of its own; name three nameservers at most.",
    link: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#dns-search-domain-list-limits",
    surer: "the pod's libc, and both A and AAAA of a lookup",
    explains_failure: false,
};

/// musl's `resolvconf.c` reads lines of 256 bytes with their end, and leaves out longer ones.
const MUSL_LINE_MAX: usize = 255;
/// glibc before 2.26: `MAXDNSRCH` of its resolv.h.
const OLD_SEARCH_MAX: usize = 6;
/// resolv.conf(5): `MAXNS`.
const NAMESERVERS_MAX: usize = 3;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct ResolvConfLimits;

impl Rule for ResolvConfLimits {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        let Some(file) = world.resolv_conf_of(lookup.who()) else { return };
        let limits = [search_line_left_out, search_domains_left_out, nameservers_left_out];
        let Some((step, certainty, sentence)) = limits.iter().find_map(|limit| limit(lookup, file)) else { return };
        let claim = LookupClaim { lookup, step, subject: Subject::asker(lookup), certainty };
        found.missed_in(claim, || sentence);
    }
}

type Left<'a> = (&'a Step, Certainty, String);

/// A short name that is asked for as it is only.
fn search_line_left_out<'a>(lookup: &'a Lookup, file: &ResolvConf) -> Option<Left<'a>> {
    let [only] = &lookup.steps[..] else { return None };
    let length = "search".len() + file.search.iter().map(|domain| 1 + domain.len()).sum::<usize>();
    let is_short = !only.has_suffix() && only.name().count() <= file.ndots();
    let is_cut = length > MUSL_LINE_MAX && is_short && lookup.outcome == LookupOutcome::NotFound;
    if !is_cut {
        return None;
    }
    // Who ends a name with a dot asks so, too; hardly for one label.
    let certainty = match (lookup.libc(), only.name().count()) {
        (Some(Libc::Musl), 1) => Certainty::Certain,
        (Some(Libc::Musl), _) => Certainty::Likely,
        _ => Certainty::Suspected,
    };
    let domains = file.search.len();
    let sentence = format!(
        "asks for {} without any of its {domains} search domains: musl leaves out a search line of {length} characters",
        only.name()
    );
    Some((only, certainty, sentence))
}

fn search_domains_left_out<'a>(lookup: &'a Lookup, file: &ResolvConf) -> Option<Left<'a>> {
    let tried = lookup.steps.iter().filter(|step| step.has_suffix()).count();
    let is_walk_whole = lookup.steps.last().is_some_and(|step| !step.has_suffix());
    let is_cut = tried == OLD_SEARCH_MAX && file.search.len() > OLD_SEARCH_MAX && is_walk_whole;
    (is_cut && lookup.outcome == LookupOutcome::NotFound).then(|| {
        let sentence = format!("tries {tried} of its {} search domains", file.search.len());
        (&lookup.steps[0], Certainty::Likely, sentence)
    })
}

fn nameservers_left_out<'a>(lookup: &'a Lookup, file: &ResolvConf) -> Option<Left<'a>> {
    let named = file.nameservers.len();
    let is_cut = named > NAMESERVERS_MAX && lookup.outcome == LookupOutcome::Failed;
    let is_asked = |server: std::net::IpAddr| lookup.cases().any(|case| case.server.ip() == server);
    let is_left_out = file.nameservers.iter().skip(NAMESERVERS_MAX).all(|server| !is_asked(*server));
    (is_cut && is_left_out).then(|| {
        let sentence = format!("has {named} nameservers, of which stub resolvers take three");
        (&lookup.steps[0], Certainty::Likely, sentence)
    })
}
