//! The checks, each a plain function: a new one is a function and its line in the table.

mod attribution;
mod bounds;
mod drops;
mod forms;
mod host;
mod reach;
mod rejected;

use anyhow::Result;

use crate::machine::Machine;
use crate::usual::Usual;

/// What the checks run on.
pub(crate) struct Ground {
    /// Where we are.
    pub(crate) machine: Machine,
    /// What most of them look at.
    pub(crate) usual: Usual,
}

/// A check: good, or why not.
type Check = fn(&Ground) -> Result<()>;

/// Every check, in the order they run.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("instructions", host::instructions),
    ("udp4", reach::udp4),
    ("udp6", reach::udp6),
    ("tcp4", reach::tcp4),
    ("tcp6", reach::tcp6),
    ("watched_ports", reach::watched_ports),
    ("one_hook", reach::one_hook),
    ("clock", reach::clock),
    ("cookie", attribution::cookie),
    ("cgroup", attribution::cgroup),
    ("netns", attribution::netns),
    ("process", attribution::process),
    ("hop_id", attribution::hop_id),
    ("ip_options", forms::ip_options),
    ("extension_headers", forms::extension_headers),
    ("vlan", forms::vlan),
    ("qinq", forms::qinq),
    ("fragments", forms::fragments),
    ("super_packets", forms::super_packets),
    ("too_short", forms::too_short),
    ("sizes", bounds::sizes),
    ("snaplen", bounds::snaplen),
    ("ring_full", bounds::ring_full),
    ("no_payload", bounds::no_payload),
    ("closed_port", drops::closed_port),
    ("icmp_error", rejected::icmp_error),
    ("doctor", host::doctor),
];
