//! What the pipeline asks for → to who may know it. Nobody is waited for: what there is no room for is dropped and counted.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, mpsc, watch};

use crate::owner::sources::Ask;
use crate::owner::sources::teller::NobodyListens;

/// At five answers a second, who asks last waits for a minute.
pub(super) const QUEUE_MAX: usize = 300;

/// Addresses of Services, as they change.
pub(super) type Addresses = watch::Receiver<Arc<HashSet<IpAddr>>>;

/// Where asks go.
pub(super) struct Asks {
    /// Addresses of Services.
    pub(super) services: Addresses,
    /// That Services should be listed again.
    pub(super) wanted: Arc<Notify>,
    /// Addresses that may be of pods of other nodes, if that is asked for.
    pub(super) remote: Option<mpsc::Sender<IpAddr>>,
    /// How many there was no room for.
    pub(super) dropped: Arc<AtomicU64>,
}

impl Asks {
    /// Until nobody asks any more.
    pub(super) async fn hear(self, mut asks: mpsc::Receiver<Ask>) -> Result<(), NobodyListens> {
        while let Some(ask) = asks.recv().await {
            if let Ask::Address(address) = ask {
                self.pass(address.to_canonical());
            }
        }
        Ok(())
    }

    fn pass(&self, address: IpAddr) {
        if self.services.borrow().contains(&address) {
            return;
        }
        self.wanted.notify_one();
        let refused = self.remote.as_ref().is_some_and(|remote| remote.try_send(address).is_err());
        if refused {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
