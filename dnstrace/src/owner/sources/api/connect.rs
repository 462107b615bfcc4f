//! Credentials → a client of the API server, which is not asked anything yet.

use kube::{Client, Config};
use tokio::time::timeout;

use super::credentials::{Lacking, REMEDY};
use super::failure::reason;
use super::pace::Pace;
use super::server::Server;
use crate::owner::fact::Text;

/// A plugin that the kubeconfig names is run for it, on a thread of its own, as it may hang.
pub(super) async fn connect(mut config: Config, pace: Pace) -> Result<Server, Lacking> {
    config.connect_timeout = Some(pace.first_answer);
    // We ask again ourselves, and say that we do.
    config.default_retry = false;
    let name = name(&config);
    let making = tokio::task::spawn_blocking(|| Client::try_from(config));
    let reason = match timeout(pace.credentials, making).await {
        Ok(Ok(Ok(client))) => return Ok(Server::new(client, name, pace)),
        Ok(Ok(Err(error))) => reason(&error),
        Ok(Err(_panicked)) => "the credentials cannot be used".into(),
        Err(_elapsed) => "the plugin that the kubeconfig names does not end".into(),
    };
    Err(Lacking::Failed { reason, remedy: REMEDY })
}

/// Without what else may stand in a URL: a user's name and password.
fn name(config: &Config) -> Text {
    let url = &config.cluster_url;
    let (scheme, host) = (url.scheme_str().unwrap_or("https"), url.host().unwrap_or_default());
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{host}{port}").into()
}
