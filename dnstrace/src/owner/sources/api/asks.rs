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

/// Addresses that were looked for among Services: those of the whole world's resolvers are not looked for again each time.
const STRANGERS_MAX: usize = 4096;

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
    /// Addresses that Services were listed for already; the next list that is due finds what is new.
    pub(super) strangers: HashSet<IpAddr>,
}

impl Asks {
    /// Until nobody asks any more.
    pub(super) async fn hear(mut self, mut asks: mpsc::Receiver<Ask>) -> Result<(), NobodyListens> {
        while let Some(ask) = asks.recv().await {
            if let Ask::Address(address) = ask {
                self.pass(address.to_canonical());
            }
        }
        Ok(())
    }

    fn pass(&mut self, address: IpAddr) {
        if is_nobodys(address) || self.services.borrow().contains(&address) {
            return;
        }
        if self.strangers.len() >= STRANGERS_MAX {
            self.strangers.clear();
        }
        if self.strangers.insert(address) {
            self.wanted.notify_one();
        }
        let refused = self.remote.as_ref().is_some_and(|remote| remote.try_send(address).is_err());
        if refused {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Neither a Service nor a pod of another node has such an address.
fn is_nobodys(address: IpAddr) -> bool {
    let local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    local || address.is_loopback() || address.is_multicast() || address.is_unspecified()
}
