//! Why and where the kernel threw a packet away.

use std::sync::Arc;

/// What a kernel says that gives no reason, or none for this place.
const NOT_SPECIFIED: &str = "NOT_SPECIFIED";
/// A queue was emptied with its owner, from 6.6 on.
const QUEUE_PURGE: &str = "QUEUE_PURGE";

/// Functions that free what a socket still held when it was closed, and what a device held when it went: nobody was left
/// to read that, so nothing was lost on its way. Kernels before 6.6 free it without a reason of its own.
const PURGES: [&str; 9] = [
    "inet_sock_destruct",
    "inet_csk_destroy_sock",
    "sk_stream_kill_queues",
    "skb_queue_purge",
    "skb_queue_purge_reason",
    "__skb_queue_purge",
    "tcp_disconnect",
    "udp_destruct_common",
    "udp_destruct_sock",
];

/// Why and where the kernel threw a packet away, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Drop reason without `SKB_DROP_REASON_`; `NOT_SPECIFIED` where the kernel does not say.
    pub reason: Arc<str>,
    /// The kernel function that did it; empty where that is not known.
    pub location: Arc<str>,
}

impl Dropped {
    /// Nothing is known but that it was dropped.
    #[must_use]
    pub fn unknown() -> Self {
        Self { reason: NOT_SPECIFIED.into(), location: "".into() }
    }

    /// Whether it had arrived, and went with the socket that did not read it.
    #[must_use]
    pub fn is_purged(&self) -> bool {
        match &*self.reason {
            QUEUE_PURGE => true,
            NOT_SPECIFIED => PURGES.contains(&&*self.location),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_with_its_socket_is_purged() {
        let is_purged =
            |reason: &str, location: &str| Dropped { reason: reason.into(), location: location.into() }.is_purged();
        assert!(is_purged("NOT_SPECIFIED", "inet_sock_destruct"));
        assert!(is_purged("QUEUE_PURGE", "udp_destroy_sock"));
        assert!(!is_purged("NOT_SPECIFIED", "nft_do_chain"));
        assert!(!is_purged("NOT_SPECIFIED", ""));
        assert!(!is_purged("SOCKET_RCVBUFF", "inet_sock_destruct"));
        assert!(!Dropped::unknown().is_purged());
    }
}
