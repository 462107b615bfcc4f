//! Who was asked.

use std::net::SocketAddr;
use std::sync::Arc;

use super::facts::Facts;
use super::{ResponseTimes, Tally};
use crate::join::Transaction;
use crate::owner::{Party, Service, Who};

/// Whom clients asked, and who stood behind that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asked {
    /// As asked: the Service address, before DNAT.
    pub server: SocketAddr,
    /// Where NAT sent the query; `None` where it changed nothing, or was not seen to.
    pub after_nat: Option<SocketAddr>,
}

impl Asked {
    pub(super) fn of(transaction: &Transaction) -> Self {
        Self { server: transaction.server, after_nat: transaction.server_after_nat }
    }
}

/// What one server was asked.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The Service that was asked.
    pub service: Option<Arc<Service>>,
    /// Who stood behind it.
    pub party: Option<Party>,
    /// How the transactions ended.
    pub tally: Tally,
    /// From query to response, as near to the client as both were seen.
    pub at_client: ResponseTimes,
    /// From query to response at the server's own socket.
    pub at_server: ResponseTimes,
}

impl Server {
    pub(super) fn add(&mut self, transaction: &Transaction, who: &Who, facts: &Facts) {
        if self.service.is_none() {
            self.service.clone_from(&who.service);
        }
        if self.party.is_none() {
            self.party.clone_from(&who.server);
        }
        self.tally.add(facts);
        if let Some(time) = transaction.response_time {
            self.at_client.add(time);
        }
        if let Some(time) = transaction.server_response_time {
            self.at_server.add(time);
        }
    }
}
