//! What the demo says before dnstrace does.

use dnstrace_tests::node::{SERVICE_V4, UPSTREAM_V4};

use super::client::{CLIENTS, Client};

/// What the node is, and what each name does; no line is longer than 100 columns. Addresses are given by turns from
/// 10.244.0.10, so a recording has the same.
pub(super) fn introduction() -> String {
    let clients: String = CLIENTS.iter().map(client).collect();
    format!(
        "Two pods ask the Service {SERVICE_V4}, which nftables sends to the DNS pods 10.244.0.12 and\n\
         10.244.0.13; these ask the upstream {UPSTREAM_V4} for what is not theirs.\n{clients}\n\
         Each query is shown with its response, as it ends: who asked whom → who answered for the\n\
         Service, the way it took, and by `for #id` which query a DNS pod asked the upstream for.\n"
    )
}

fn client(client: &Client) -> String {
    let mut text = format!("\n  {} ({}, on the node {}) looks up\n", client.name, client.v4, client.interface);
    text.extend(client.lookups.iter().map(|lookup| format!("    {:<23}{}\n", lookup.name, lookup.outcome)));
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn introduction_fits_into_100_columns() {
        let text = super::introduction();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
