//! Who asked.

use super::facts::Facts;
use super::{ResponseTimes, Tally};
use crate::capture::Process;
use crate::join::Transaction;

/// Command names that are kept of one client: a pod runs one or two that ask, a node a dozen.
const PROCESSES_MAX: usize = 4;

/// What one address asked.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// How its transactions ended.
    pub tally: Tally,
    /// From query to response, as near to the client as both were seen.
    pub times: ResponseTimes,
    /// Command names of the processes that asked, in the order they were first seen, as far as the kernel proved them.
    pub processes: Vec<[u8; 16]>,
    /// Whether there were more than these.
    pub more_processes: bool,
}

impl Client {
    pub(super) fn add(&mut self, transaction: &Transaction, facts: &Facts) {
        self.tally.add(facts);
        if let Some(time) = transaction.response_time {
            self.times.add(time);
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
