//! What the demo says before dnstrace does.

use std::fmt::Write;

use dnstrace_tests::node::{SERVICE_V4, UPSTREAM_V4};

use super::client::CLIENTS;
use super::cluster::Cluster;

/// What the node is, and what each name does; no line is longer than 100 columns.
pub(super) fn introduction(cluster: &Cluster) -> String {
    let [first, second] = &cluster.servers;
    let mut text = format!(
        "This is a throw-away node: two pods ask the Service {SERVICE_V4}, which nftables sends to the DNS pods\n\
         {} (vdns1) and {} (vdns2); these ask the upstream {UPSTREAM_V4} for what is not theirs.\n",
        first.v4, second.v4
    );
    for (client, pod) in CLIENTS.iter().zip(&cluster.clients) {
        let _ = write!(text, "\n  {} on {} ({}) looks up", pod.v4, client.interface, client.name);
        text.push_str(&names(client));
    }
    text + "\n\ndnstrace shows each query with its response as it ends. A line that says `caused by #x` is a DNS\n\
            pod's own query for the pod's query `#x`."
}

