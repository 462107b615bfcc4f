//! Whom a forwarder asked because it was asked, and which of them is to blame that it could not answer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::case::Case;
use super::found::Found;
use super::name::Name;
use super::window::Window;
use super::world::World;
use crate::capture::{BootTime, Direction, Hook};
use crate::decode::iana;
use crate::join::{Hop, Outcome};
use crate::owner::{Party, Role};

/// Transactions with one question that are looked at: a forwarder tries a few servers a few times; more is a loop.
const LOOKED_AT_MAX: usize = 64;
/// When a client has given up, its server may still try.
const GIVEN_UP: Duration = Duration::from_millis(5_250);
/// CoreDNS's `forward` waits so long for a response.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// A stub, a cache on the node, cluster DNS, a resolver of the site, one of the provider.
const DEPTH_MAX: usize = 5;
/// 169.254.169.253 (AWS), 169.254.169.254 (Google, Azure and others).
const PROVIDER_OCTET: u8 = 169;
const NS: u16 = 2;
const HINFO: u16 = 13;

/// What the responder of `case` asked others meanwhile, for the same question: by cause, and where two queries could be
/// the cause of a third, by its address.
pub(super) fn asked_on<'w>(case: &'w Case, world: &World<'w>) -> impl Iterator<Item = &'w Case> + use<'w> {
    let window = world.window;
    let until = until(case);
    let is_meanwhile = move |other: &&Case| other.cause.is_none() && other.time >= case.time && other.time <= until;
    window.caused_by(case.id).take(LOOKED_AT_MAX).chain(asked_by_responder(case, window).filter(is_meanwhile))
}

/// What the responder of `case` asked others about the same question, at any time, the newest of each of its addresses
/// first: a pod asks on over the family that its upstream server has.
pub(super) fn asked_by_responder<'w>(case: &'w Case, window: &'w Window) -> impl Iterator<Item = &'w Case> + use<'w> {
    let is_same = move |other: &&Case| other.id != case.id && other.qtype() == case.qtype();
    let address = case.responder().ip();
    let pod = case.who.server.as_ref().and_then(Party::pod).filter(|pod| pod.host_network != Some(true));
    let others = pod.into_iter().flat_map(|pod| pod.addresses.iter().copied()).filter(move |other| *other != address);
    let of = move |address| window.caused_of(address, case).take(LOOKED_AT_MAX);
    std::iter::once(address).chain(others).flat_map(of).filter(is_same)
}

/// When the responder had no more reason to ask others.
fn until(case: &Case) -> BootTime {
    if case.is_unanswered() { case.end.after(GIVEN_UP) } else { case.end }
}

/// Who is to blame for the failure of a transaction.
#[derive(Debug, Default)]
pub(super) struct Blame<'w> {
    /// Those that failed without having anybody to blame in turn.
    pub(super) culprits: Vec<&'w Case>,
    /// Those between, which failed because of them.
    pub(super) between: Vec<&'w Case>,
}

/// Who is to blame for the failure of `case`. Nobody when queries come back to where they have been: in a loop everybody
/// waits for everybody. What has a cause itself is looked at from there, as only the beginning shows a loop.
pub(super) fn blame<'w>(case: &'w Case, world: &World<'w>) -> Blame<'w> {
    let mut chain = Chain { world, asked: vec![case.responder()], blame: Blame::default() };
    match chain.follow(case) {
        Ok(()) if case.cause.is_none() => chain.blame,
        _ => Blame::default(),
    }
}

struct Chain<'a, 'w> {
    world: &'a World<'w>,
    /// Who was asked on the way here.
    asked: Vec<SocketAddr>,
    blame: Blame<'w>,
}

struct Loop;

impl<'w> Chain<'_, 'w> {
    fn follow(&mut self, case: &'w Case) -> Result<(), Loop> {
        for next in asked_on(case, self.world).filter(|next| next.failed() || is_given_up(next, case, self.world)) {
            if self.asked.len() > DEPTH_MAX || self.asked.contains(&next.responder()) {
                return Err(Loop);
            }
            self.asked.push(next.responder());
            let known = self.blame.culprits.len();
            self.follow(next)?;
            self.asked.pop();
            let is_last = self.blame.culprits.len() == known;
            if is_last { &mut self.blame.culprits } else { &mut self.blame.between }.push(next);
        }
        Ok(())
    }
}

/// Has no response when the run ends, though its server waited long enough for it: it answered `case` with an error by
/// then, or the client has given up.
fn is_given_up(asked: &Case, case: &Case, world: &World<'_>) -> bool {
    let until = if case.is_unanswered() { world.now } else { case.end };
    asked.outcome == Outcome::Outstanding && case.failed() && until.since(asked.end) >= READ_TIMEOUT
}

/// Whether what is wrong with somebody who was asked because of it says why it failed.
pub(super) fn is_explained_by_asked(case: &Case, world: &World<'_>, found: &Found<'_>) -> bool {
    let is_explained = |asked: &Case| asked.failed() && found.explained(asked).is_some();
    case.caused() != 0 && asked_on(case, world).any(is_explained)
}

/// Whether it would be seen if the responder asked others about this: it is seen doing so.
pub(super) fn asks_in_clear(case: &Case, world: &World<'_>) -> bool {
    world.is_resolver(case.responder().ip())
}

/// Whether cluster DNS is what was asked, or something on this host.
pub(super) fn is_to_cluster(case: &Case, world: &World<'_>) -> bool {
    world.is_cluster_server(case.server) || world.is_endpoint(case.responder())
}

/// Whether the query was seen leaving the node, or arriving at its server.
pub(super) fn is_delivered(case: &Case) -> bool {
    let Some(last) = case.query_last_seen() else { return false };
    let is_out = last.point.hook == Hook::Device && last.point.direction == Direction::Out;
    let came_from_elsewhere =
        case.path.iter().any(|hop| hop.time <= last.time && hop.point.ifindex != last.point.ifindex);
    case.reached || (is_out && came_from_elsewhere)
}

/// Whether the query was seen entering the node's network, and not leaving it again.
pub(super) fn is_lost_on_node(case: &Case) -> bool {
    let is_entering = |hop: &Hop| hop.point.hook == Hook::Device && hop.point.direction == Direction::In;
    case.query_last_seen().is_some_and(is_entering) && !case.reached
}

/// Whether a cache of the node was asked: NodeLocal DNSCache has a link-local address, and often that of the Service, too.
/// Resolvers of cloud providers have link-local addresses as well.
pub(super) fn is_node_cache(case: &Case, world: &World<'_>) -> bool {
    let is_node = |party: &Party| match party {
        Party::Node { .. } => true,
        Party::Pod { pod, .. } => pod.host_network == Some(true),
        Party::Remote(_) | Party::Resolver => false,
    };
    let is_on_node = case.server_after_nat.is_none() && case.who.server.as_ref().is_some_and(is_node);
    has_cache_address(case) || (is_on_node && world.is_cluster_server(case.server))
}

/// Whether the address asked is one that is a cache's, whoever names it.
pub(super) fn has_cache_address(case: &Case) -> bool {
    match case.server.ip() {
        IpAddr::V4(address) => address.is_link_local() && address.octets()[2] != PROVIDER_OCTET,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// CoreDNS's `health_check` of an upstream server: any response is a good one.
pub(super) fn is_health_check(case: &Case) -> bool {
    case.qtype() == Some(NS) && case.name().is_some_and(Name::is_root)
}

/// A probe of CoreDNS's `loop`: it is sent until the server itself is ready, and need not be answered.
pub(super) fn is_loop_probe(case: &Case) -> bool {
    let is_number = |label: &&[u8]| label.iter().all(u8::is_ascii_digit);
    let numbers = || case.name().map_or(0, |name| name.labels().take(2).filter(is_number).count());
    case.qtype() == Some(HINFO) && numbers() == 2
}

/// What a forwarder asks for its own sake: nobody waits for it, and while the server starts, or its upstream server is
/// away, it has no good response.
pub(super) fn asks_for_itself(case: &Case) -> bool {
    is_loop_probe(case) || is_health_check(case)
}

/// The first such probe: CoreDNS sends it to itself before it listens, and again a second later.
pub(super) fn is_own_probe(case: &Case) -> bool {
    is_loop_probe(case) && case.server.ip().is_loopback()
}

/// Who sent it, in a sentence about whom it was sent to.
pub(super) fn initiator(case: &Case) -> String {
    match case.who.role {
        Role::Upstream => "cluster DNS".to_owned(),
        _ => format!("the forwarder {}", case.client.ip()),
    }
}

/// `SERVFAIL for a.example`.
pub(super) fn rcode_for_name(case: &Case) -> String {
    let rcode = case.rcode().map_or_else(|| "no response".into(), iana::rcode);
    match case.name() {
        Some(name) => format!("{rcode} for {name}"),
        None => rcode.into_owned(),
    }
}
