//! `dns-tcp-idle-reset`: a client asks over a TCP connection that the server has closed.

use std::net::SocketAddr;

use foldhash::HashMap;

use super::Rule;
use crate::capture::BootTime;
use crate::decode::Transport;
use crate::join::{Connection, ConnectionOutcome};
use crate::owner::Who;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "dns-tcp-idle-reset",
    title: "queries are sent on TCP connections that the server just closed",
    severity: Severity::Warning,
    meaning: "Servers close idle TCP connections (CoreDNS after 10 seconds). A client that keeps a connection and sends a \
              query as it is being closed gets a reset, and has to ask again on a new one. Clients that do not do so report \
              a failed lookup now and then.",
    signature: "The server ends its side of a connection, the client sends a query on it nevertheless, and the server resets \
                it. That is certain.",
    remedy: "Have the client ask again on a new connection, or keep idle ones for less time than the server; in CoreDNS, \
             timeouts { idle 30s } raises the server's.",
    link: "https://coredns.io/plugins/timeouts/",
    surer: "nothing more is needed",
    explains_failure: true,
};

/// Connections that were reset, until the queries on them are given up: a storm of them is one finding.
const RESET_MAX: usize = 1_024;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct DnsTcpIdleReset {
    /// When their servers closed them, by client and server.
    reset: HashMap<(SocketAddr, SocketAddr), BootTime>,
}

impl Rule for DnsTcpIdleReset {
    fn connection(&mut self, connection: &Connection, who: &Who, _world: &World<'_>, found: &mut Found<'_>) {
        let Some(closed) = connection.closed_by_server else { return };
        if connection.outcome != ConnectionOutcome::Reset {
            return;
        }
        if self.reset.len() >= RESET_MAX {
            self.reset.clear();
        }
        self.reset.insert((connection.client, connection.server), closed);
        let case = Case::of_connection(connection, who.clone());
        let claim = Claim { case: &case, subject: Subject::client(&case), certainty: Certainty::Certain };
        let server = connection.server;
        found.seen(claim, || format!("sends queries to {server} on TCP connections that were just closed"));
    }

    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        if case.transport == Transport::Tcp
            && case.answer.is_none()
            && self.reset.contains_key(&(case.client, case.server))
        {
            found.explains(case);
        }
    }
}
