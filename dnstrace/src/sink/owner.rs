//! Parties in words.

use crate::owner::{Party, Pod, Service, Who};

use super::escape::printable;

/// Who it is: `shop/web-7d9c (nginx)`, `node (kubelet.service)`.
pub(super) fn party(party: &Party) -> String {
    match party {
        Party::Pod { pod, container, .. } => {
            let name = pod_name(pod);
            match container.as_ref().and_then(|container| container.name.as_deref()) {
                Some(container) => format!("{name} ({})", printable(container.as_bytes())),
                None => name,
            }
        }
        Party::Node { unit: Some(unit), .. } => format!("node ({})", printable(unit.as_bytes())),
        Party::Node { unit: None, .. } => "node".to_owned(),
        Party::Remote(pod) => printable(format!("{}/{}", pod.namespace, pod.name).as_bytes()),
        Party::Resolver => "node's resolver".to_owned(),
    }
}

/// `shop/web-7d9c`, or the UID where nobody says the name.
pub(super) fn pod_name(pod: &Pod) -> String {
    let name = match (&pod.namespace, &pod.name) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (None, Some(name)) => name.to_string(),
        (_, None) => format!("pod {}", pod.uid),
    };
    printable(name.as_bytes())
}

/// `svc kube-system/kube-dns`.
pub(super) fn service(service: &Service) -> String {
    printable(format!("svc {}/{}", service.namespace, service.name).as_bytes())
}

/// A name for a server's own address: that of a node says no more than the address does.
pub(super) fn server(who: &Who) -> Option<String> {
    who.server.as_ref().filter(|server| !matches!(server, Party::Node { .. })).map(|server| match server {
        Party::Pod { pod, .. } => pod_name(pod),
        other => party(other),
    })
}
