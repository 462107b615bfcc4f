//! The container runtime that has the pods, and its listings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::{Client, Failure};
use super::known::{Known, Listing};
use super::message::{PodSandbox, PodSandboxStatus};
use super::socket::Places;

/// A runtime that answers.
pub(super) struct Runtime {
    client: Client,
    /// How it calls itself, and where it is.
    pub(super) name: String,
    limit: Duration,
}

/// Why there is none.
pub(super) enum Missing {
    /// There is no socket.
    Absent,
    /// There is.
    Failed(PathBuf, Failure),
}

impl Runtime {
    /// The first one that has pods, or else the first that answers.
    pub(super) async fn choose(places: &Places, limit: Duration) -> Result<Self, Missing> {
        let mut chosen = Err(Missing::Absent);
        for path in places.existing() {
            match Self::at(path, limit).await {
                Ok((runtime, true)) => return Ok(runtime),
                Ok((runtime, false)) if chosen.is_err() => chosen = Ok(runtime),
                Err(failure) if matches!(chosen, Err(Missing::Absent)) => {
                    chosen = Err(Missing::Failed(path.to_owned(), failure));
                }
                Ok(_) | Err(_) => {}
            }
        }
        chosen
    }

    /// The one at `path`, and whether it has pods.
    async fn at(path: &Path, limit: Duration) -> Result<(Self, bool), Failure> {
        let mut client = Client::connect(path, limit).await?;
        let name = format!("{} at {}", client.runtime().await?, path.display());
        let has_pods = !client.sandboxes().await?.items.is_empty();
        Ok((Self { client, name, limit }, has_pods))
    }

    /// Everything there is, and what the list does not say of those sandboxes that are not known yet.
    pub(super) async fn list(&mut self, known: &Known) -> Result<Listing, Failure> {
        // Containers first: each has its sandbox before it.
        let containers = self.client.containers().await?;
        let sandboxes = self.client.sandboxes().await?;
        let wanted = sandboxes.items.iter().filter(|sandbox| known.wants(sandbox));
        let statuses = self.statuses(wanted).await;
        Ok(Listing { sandboxes, containers, statuses })
    }

    /// As many as come within the time for one call, or there is one: those that hang or fail do not hold up the others,
    /// and are asked for again with the next listing.
    async fn statuses<'a>(&mut self, of: impl Iterator<Item = &'a PodSandbox>) -> HashMap<String, PodSandboxStatus> {
        let mut statuses = HashMap::new();
        let limit = self.limit;
        let asking = async {
            for sandbox in of {
                if let Ok(status) = self.client.sandbox(&sandbox.id).await {
                    statuses.insert(sandbox.id.clone(), status);
                }
            }
        };
        let _until_then = tokio::time::timeout(limit, asking).await;
        statuses
    }
}
