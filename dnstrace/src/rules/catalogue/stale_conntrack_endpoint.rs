//! `stale-conntrack-endpoint`: a client's socket is tied to an endpoint that is gone.

use std::net::SocketAddr;

use foldhash::HashMap;

use super::Rule;
use crate::decode::Transport;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::stage::Ended;
use crate::rules::stuck::{Stuck, StuckFlows};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "stale-conntrack-endpoint",
    title: "a client's queries go on to an endpoint of the DNS Service that is gone",
    severity: Severity::Error,
    meaning: "The node remembers which endpoint it chose for a client's port, as long as packets keep coming. When that \
              endpoint goes away and the entry stays, every query from that port is lost, while new sockets work. It hits \
              programs that keep one socket (Envoy, c-ares, some Python and Node.js resolvers), often after CoreDNS was \
              restarted or moved.",
    signature: "Three or more queries from one port over two seconds or more go on to the same endpoint and have no response. \
                Certain when the API had not listed the endpoint for three seconds as the last was sent; likely when it \
                answered nobody since, new sockets do not get it, and others of the Service answer; suspected when it just \
                fell silent.",
    remedy: "At once: restart the client, or conntrack -D -p udp --orig-dst ADDRESS-OF-THE-SERVICE on the node. For good: \
             kube-proxy 1.32 or later, which removes such entries, and CoreDNS's lameduck of 5 s or more.",
    link: "https://kubernetes.io/docs/reference/networking/virtual-ips/",
    surer: "the API server's list of endpoints",
    explains_failure: true,
};

/// A list of endpoints follows a rollout by a second or two; queries sent later than this go where nobody is.
const GONE_FOR: std::time::Duration = std::time::Duration::from_secs(3);
/// A stub resolver repeats a lookup's queries within milliseconds; only a socket that is kept lasts longer.
const LASTS: std::time::Duration = std::time::Duration::from_secs(2);
/// A lookup makes two queries: more than that is the next lookup from the same socket.
const QUERIES_MIN: u32 = 3;
/// Endpoints of which the last new flow is known: a cluster has some hundred.
const ENDPOINTS_MAX: usize = 1_024;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct StaleConntrackEndpoint {
    flows: StuckFlows<(SocketAddr, SocketAddr)>,
    /// When the last flow to an endpoint began that had no response at once.
    newest: HashMap<SocketAddr, crate::capture::BootTime>,
}

impl Rule for StaleConntrackEndpoint {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, _found: &mut Found<'_>) {
        let case = ended.case;
        let Some(flow) = flow(case) else { return };
        let endpoint = flow.1;
        if case.answer.is_some() {
            return self.flows.forget(&flow);
        }
        let is_gone = is_listed(endpoint, world) == Some(false);
        let Some(stuck) = self.flows.add(flow, case, is_gone.then_some(world.now)) else { return };
        if stuck.count == 1 {
            if self.newest.len() >= ENDPOINTS_MAX {
                self.newest.clear();
            }
            self.newest.insert(endpoint, stuck.first);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        if let Some(flow) = flow(ended.case) {
            self.flows.forget(&flow);
        }
    }

    // Only now it is known whether the endpoint asked on because of it.
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let Some(flow) = flow(case).filter(|_| case.answer.is_none()) else { return };
        let Some(stuck) = self.flows.get(&flow) else { return };
        if case.reached || world.window.caused_by(case.id).next().is_some() {
            return self.flows.forget(&flow);
        }
        let is_newest = self.newest.get(&flow.1).is_none_or(|newest| *newest <= stuck.first);
        // The first queries are as lost as the later ones, which show by now that it is one socket's.
        let is_kept = stuck.count >= QUERIES_MIN && stuck.lasts() >= LASTS && case.time >= stuck.first;
        if !is_kept || !is_newest || found.explained(case).is_some() || world.is_looping(case) {
            return;
        }
        if let Some(certainty) = certainty(case, &stuck, world) {
            tell(case, certainty, found);
        }
    }
}

/// The client's port and the endpoint that it was sent to.
fn flow(case: &Case) -> Option<(SocketAddr, SocketAddr)> {
    let endpoint = case.server_after_nat.filter(|_| case.transport == Transport::Udp)?;
    Some((case.client, endpoint))
}

/// Whether the API lists an endpoint; `None` where it is not asked, or lists none at all.
fn is_listed(endpoint: SocketAddr, world: &World<'_>) -> Option<bool> {
    let ready = world.ready_endpoints().filter(|ready| !ready.is_empty())?;
    Some(ready.contains(&endpoint))
}

fn certainty(case: &Case, stuck: &Stuck, world: &World<'_>) -> Option<Certainty> {
    let (endpoint, watched) = (case.responder(), world.learned.watched());
    let known = watched.responder(endpoint);
    if known.is_some_and(|known| known.answered >= stuck.first) {
        return None;
    }
    // The list is of cluster DNS: of another Service it says nothing.
    let is_of_cluster = world.owner.cluster_dns().is_sure_server(case.server);
    match is_listed(endpoint, world).filter(|_| is_of_cluster) {
        Some(true) => return None,
        Some(false) if stuck.marked.is_some_and(|gone| case.time.since(gone) >= GONE_FOR) => {
            return Some(Certainty::Certain);
        }
        Some(false) | None => {}
    }
    let do_others = watched.beside(endpoint, case.server).any(|other| other.answered >= stuck.first);
    match (do_others, known) {
        (true, _) => Some(Certainty::Likely),
        (false, Some(_)) => Some(Certainty::Suspected),
        (false, None) => None,
    }
}

fn tell(case: &Case, certainty: Certainty, found: &mut Found<'_>) {
    let claim = Claim { case, subject: Subject::client(case), certainty };
    let (endpoint, server, port) = (case.responder(), case.server, case.client.port());
    found.missed(claim, || match certainty {
        Certainty::Certain => {
            format!("asks {server} from port {port} and is sent to {endpoint}, which is no endpoint any more")
        }
        _ => format!("asks {server} from port {port} and is sent to {endpoint}, which stopped answering"),
    });
}
