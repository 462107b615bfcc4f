//! Pods of other nodes: asked for one by one, or all of them watched.

mod answers;
mod ask;
mod watch;

pub(super) use ask::{Questions, answer};
pub(super) use watch::follow;

use super::pod::Pod;
use crate::owner::fact::RemotePod;

fn remote_pod(pod: &Pod) -> Option<RemotePod> {
    let (namespace, name) = (&*pod.metadata.namespace, &*pod.metadata.name);
    let named = !namespace.is_empty() && !name.is_empty();
    named.then(|| RemotePod { namespace: namespace.into(), name: name.into(), node: pod.node().map(Into::into) })
}
