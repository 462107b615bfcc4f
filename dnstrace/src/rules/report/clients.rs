//! Who asked.

use std::net::IpAddr;

use super::facts::Facts;
use super::{Libcs, ResponseTimes, Tally};
use crate::capture::Process;
use crate::join::Transaction;
use crate::owner::fact::Text;
use crate::owner::{Party, Who};

/// Command names that are kept of one client: a pod runs one or two that ask, a node a dozen.
const PROCESSES_MAX: usize = 4;

/// Who is counted as one: a pod with all its addresses, else an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// A pod of this node, by its UID.
    Pod(Text),
    /// Anybody else.
    Address(IpAddr),
}

impl Asker {
    pub(super) fn of(transaction: &Transaction, who: &Who) -> Self {
        Self::new(who, transaction.client.ip())
    }

    pub(super) fn new(who: &Who, address: IpAddr) -> Self {
        match who.client.as_ref().and_then(Party::pod) {
            Some(pod) => Self::Pod(pod.uid.clone()),
            None => Self::Address(address),
        }
    }
}

/// What one of them asked.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its address, the first that was seen; `None` for many at once.
    pub address: Option<IpAddr>,
    /// Who it is.
    pub party: Option<Party>,
    /// How its transactions ended.
    pub tally: Tally,
    /// From query to response, as near to the client as both were seen.
    pub times: ResponseTimes,
    /// From query to response at the server's own socket.
    pub server_times: ResponseTimes,
    /// Command names of the processes that asked, in the order they were first seen, as far as the kernel proved them.
    pub processes: Vec<[u8; 16]>,
    /// Whether there were more than these.
    pub more_processes: bool,
    /// Its lookups, by the stub resolver that made them.
    pub libcs: Libcs,
}

impl Client {
    pub(super) fn add(&mut self, transaction: &Transaction, who: &Who, facts: &Facts) {
        self.address.get_or_insert(transaction.client.ip());
        if self.party.is_none() {
            self.party.clone_from(&who.client);
        }
        self.tally.add(facts);
        if let Some(time) = transaction.response_time {
            self.times.add(time);
        }
        if let Some(time) = transaction.server_response_time {
            self.server_times.add(time);
        }
        if let Some(process) = &transaction.client_socket.process {
            self.add_process(process);
        }
    }

    fn add_process(&mut self, process: &Process) {
        if self.processes.contains(&process.comm) {
            return;
        }
        if self.processes.len() < PROCESSES_MAX {
            self.processes.push(process.comm);
        } else {
            self.more_processes = true;
        }
    }
}
