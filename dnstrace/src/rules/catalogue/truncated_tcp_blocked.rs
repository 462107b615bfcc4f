//! `truncated-tcp-blocked`: a client must ask over TCP, and no connection comes about.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use foldhash::HashMap;

use super::Rule;
use crate::capture::BootTime;
use crate::join::{Connection, ConnectionOutcome};
use crate::owner::{Role, Who};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path::{self, Leg};
use crate::rules::place;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "truncated-tcp-blocked",
    title: "DNS over TCP is blocked, which large responses need",
    severity: Severity::Error,
    meaning: "A response did not fit into a UDP packet, so it came truncated, and the client asked again over TCP as it \
              should. No connection came about. Lookups with large answers hang for seconds to minutes or fail, while \
              small ones work: it looks random.",
    signature: "A truncated response, then within two seconds a TCP SYN from the same client to the same server that nobody \
                answers, or that is refused: certain. Likely for a client that uses TCP without being told, when the same \
                server answers over UDP and two of its connections fail.",
    remedy: "Allow TCP port 53 beside UDP in the NetworkPolicy or firewall, and check that the Service lists it: kubectl -n \
             kube-system get service kube-dns -o yaml must have the port dns-tcp.",
    link: "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
    surer: "a recording from before the first connection, with UDP and TCP",
    explains_failure: true,
};

/// Stub resolvers connect within a millisecond of the truncated response; a busy one may be late.
const TCP_AFTER: Duration = Duration::from_secs(2);
/// A server that answered over UDP so short a time ago is there.
const ALIVE_FOR: Duration = Duration::from_mins(1);
/// Without a truncated response, one connection that fails may be somebody's probe of a server that starts.
const FAILED_MIN: u32 = 2;
/// Clients with a truncated response not long ago, or failed connections: more than the pods of a node.
const CLIENTS_MAX: usize = 1_024;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct TruncatedTcpBlocked {
    /// The end of the last truncated response, and failed connections, by client and server.
    clients: HashMap<(IpAddr, SocketAddr), Client>,
}

#[derive(Default)]
struct Client {
    truncated: Vec<BootTime>,
    failed: u32,
}

/// Truncated responses that are kept: a connection is given up long after its first SYN, and lookups go on.
const TRUNCATED_MAX: usize = 32;

impl Rule for TruncatedTcpBlocked {
    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        let case = ended.case;
        if !case.answer.as_ref().is_some_and(|answer| answer.truncated) {
            return;
        }
        let client = self.client(case.client.ip(), case.server);
        if client.truncated.len() >= TRUNCATED_MAX {
            client.truncated.remove(0);
        }
        client.truncated.push(case.end);
    }

    fn connection(&mut self, connection: &Connection, who: &Who, world: &World<'_>, found: &mut Found<'_>) {
        let client = self.client(connection.client.ip(), connection.server);
        let is_blocked = match connection.outcome {
            ConnectionOutcome::NoAnswer => connection.attempts.len() > 1,
            ConnectionOutcome::Refused => true,
            ConnectionOutcome::Accepted => return client.failed = 0,
            ConnectionOutcome::Reset | ConnectionOutcome::Outstanding => false,
        };
        if !is_blocked {
            return;
        }
        client.failed = client.failed.saturating_add(1);
        let is_told = client.truncated.iter().any(|end| follows(connection.time, *end));
        let is_used = client.failed >= FAILED_MIN && who.role != Role::Upstream && is_alive(connection, world);
        if is_told || is_used {
            let certainty = if is_told { Certainty::Certain } else { Certainty::Likely };
            tell(connection, &Case::of_connection(connection, who.clone()), certainty, world, found);
        }
    }
}

impl TruncatedTcpBlocked {
    fn client(&mut self, client: IpAddr, server: SocketAddr) -> &mut Client {
        let key = (client, server);
        // Pods come and go; what is forgotten is a lookup that goes on just now.
        if self.clients.len() >= CLIENTS_MAX && !self.clients.contains_key(&key) {
            self.clients.clear();
        }
        self.clients.entry(key).or_default()
    }
}

fn follows(time: BootTime, end: BootTime) -> bool {
    // The response is given out when it was seen last, which may be after the client saw it.
    time.since(end) <= TCP_AFTER && end.since(time) <= Duration::from_millis(100)
}

fn is_alive(connection: &Connection, world: &World<'_>) -> bool {
    let watched = world.learned.watched();
    let is_it = |address| watched.responder(address).is_some_and(|known| world.now.since(known.answered) <= ALIVE_FOR);
    let is_behind = || watched.behind(connection.server).any(|known| world.now.since(known.answered) <= ALIVE_FOR);
    is_it(connection.server_after_nat.unwrap_or(connection.server)) || is_behind()
}

fn tell(connection: &Connection, case: &Case, certainty: Certainty, world: &World<'_>, found: &mut Found<'_>) {
    let server = connection.server;
    let is_watched = world.sees_forwarding(server);
    let is_kept_back = is_watched && path::leg(case, world) == Some(Leg::Client);
    let subject = if is_kept_back { Subject::client(case) } else { Subject::responder(case) };
    let claim = Claim { case, subject, certainty };
    if connection.outcome == ConnectionOutcome::Refused {
        let what = if is_kept_back { format!("is refused TCP to {server}") } else { "refuses TCP".to_owned() };
        return found.seen(claim, || format!("{what}, which large responses need"));
    }
    let what =
        if is_kept_back { format!("gets no TCP connection to {server}") } else { "does not accept TCP".to_owned() };
    let place = case.query_last_seen().map(|hop| place::words(hop, world)).filter(|place| !place.is_empty());
    let place = place.map_or_else(String::new, |place| format!("; SYN was last seen {place}"));
    found.missed(claim, || format!("{what}, which large responses need{place}"));
}
