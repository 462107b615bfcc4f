//! `reply-unexpected-source`: responses reach pods with another address than they asked.

use std::net::IpAddr;

use super::Rule;
use crate::capture::{Direction, Hook, Point};
use crate::decode::Transport;
use crate::join::{Event, Hop, MessageKind, Transaction};
use crate::rules::finding::{About, Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "reply-unexpected-source",
    title: "responses come to the client from another address than it asked",
    severity: Severity::Error,
    meaning: "The node sends queries for the Service on to an endpoint, but does not put the Service's address back into \
              the response. Stub resolvers ignore a response from a stranger and time out, although the server answered. \
              It hits pods on the same node as the endpoint: their packets cross the bridge and skip NAT on the way back.",
    signature: "A query comes in by an interface with the Service's address as destination, and its response goes out there \
                with the endpoint's as source, never with the Service's. Where the client itself sends, the query must have been seen on its way to \
                that endpoint, too. That is certain. An ICMP port unreachable that the \
                client sends to the endpoint confirms it.",
    remedy: "Have bridged packets pass netfilter on the node: modprobe br_netfilter; sysctl \
             net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 (and keep both in /etc/modules-load.d \
             and /etc/sysctl.d).",
    link: "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
    surer: "nothing more is needed",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct ReplyUnexpectedSource;

impl Rule for ReplyUnexpectedSource {
    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, found: &mut Found<'_>) {
        let Ended { case, transaction } = *ended;
        let Some(source) = stranger(transaction).filter(|_| case.transport == Transport::Udp) else { return };
        let claim = Claim { case, subject: Subject::node(), certainty: Certainty::Certain };
        let asked = case.server.ip();
        found.seen(claim, || format!("gives clients that asked {asked} responses that come from {source}"));
        if is_refused_by_client(transaction) {
            found.fact(&About::Node, "clients reject these responses with ICMP port unreachable".to_owned());
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }
}

/// The source of a response that is delivered, where the client asked another address, and none came from that.
fn stranger(transaction: &Transaction) -> Option<IpAddr> {
    let is_expected = |hop: &Hop| hop.src.ip() == transaction.server.ip();
    let mut responses = transaction.path.iter().rev().filter(|hop| hop.message == MessageKind::Response);
    // The last one is seen where the client takes it, and nearly always is what it waits for.
    if responses.next().is_none_or(is_expected) {
        return None;
    }
    let queries = transaction.path.iter().filter(|hop| hop.message == MessageKind::Query);
    // At its socket, and where that takes no response from a stranger, at its interface.
    let entries =
        path::entry(&transaction.path).into_iter().chain(queries.filter(|hop| hop.point.hook == Hook::Device));
    entries.filter(|entry| entry.dst == transaction.server).find_map(|entry| {
        stranger_at(entry, transaction)
            .filter(|source| !is_sent_here(entry, &transaction.path) || is_asked(*source, transaction))
    })
}

/// Whether the query was sent in this netns, which then has translated it before it is seen, and undoes that before the
/// response is: a node that asks a Service with an endpoint of its own is given what it asked for.
fn is_sent_here(entry: &Hop, path: &[Hop]) -> bool {
    let before = path.iter().take_while(|hop| !std::ptr::eq(*hop, entry)).chain([entry]);
    let mut sent = before.filter(|hop| hop.message == MessageKind::Query && hop.point.direction == Direction::Out);
    sent.any(|hop| hop.point.netns == entry.point.netns)
}

/// Whether the query went on to it.
fn is_asked(source: IpAddr, transaction: &Transaction) -> bool {
    transaction.path.iter().any(|hop| hop.message == MessageKind::Query && hop.dst.ip() == source)
}

fn stranger_at(entry: &Hop, transaction: &Transaction) -> Option<IpAddr> {
    let path = &transaction.path;
    let mut delivered =
        path.iter().filter(|hop| hop.message == MessageKind::Response && is_delivered(hop, entry, path));
    let first = delivered.next()?;
    let is_strange = |hop: &Hop| hop.src.ip() != transaction.server.ip();
    (is_strange(first) && delivered.all(is_strange)).then(|| first.src.ip())
}

/// At the very place where the query was seen with the address that the client asked: there NAT is undone.
fn is_delivered(hop: &Hop, entry: &Hop, path: &[Hop]) -> bool {
    let place = |point: &Point| (point.hook, point.netns, point.ifindex);
    place(&hop.point) == place(&entry.point) && path::is_at_client(hop, path)
}

fn is_refused_by_client(transaction: &Transaction) -> bool {
    let rejected = |event: &Event| matches!(event, Event::Rejected { kind: 3 | 1, .. });
    transaction.signs.iter().any(|sign| sign.message == MessageKind::Response && rejected(&sign.event))
}
