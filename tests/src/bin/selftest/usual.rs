//! Usual traffic, watched once: one exchange over each of UDP and TCP, IPv4 and IPv6.

use std::net::IpAddr;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::traffic::{self, Exchange, USUAL};
use crate::watch::{Watched, all_hooks, watch};
use crate::{V4, V6};

/// The exchanges, and what the hooks saw of them.
pub(crate) struct Usual {
    pub(crate) udp4: Exchange,
    pub(crate) udp6: Exchange,
    pub(crate) tcp4: Exchange,
    pub(crate) tcp6: Exchange,
    pub(crate) watched: Watched,
}

impl Usual {
    /// Lets the traffic go.
    pub(crate) fn watch(machine: &Machine) -> Result<Self> {
        let udp = |server: IpAddr| traffic::udp(server, 53).with_context(|| format!("UDP {server}"));
        let tcp = |server: IpAddr| traffic::tcp(server, 53, USUAL).with_context(|| format!("TCP {server}"));
        let (exchanges, watched) = watch(&all_hooks(machine), || Ok((udp(V4)?, udp(V6)?, tcp(V4)?, tcp(V6)?)))?;
        let (udp4, udp6, tcp4, tcp6) = exchanges;
        Ok(Self { udp4, udp6, tcp4, tcp6, watched })
    }

    /// All of them.
    pub(crate) fn exchanges(&self) -> [&Exchange; 4] {
        [&self.udp4, &self.udp6, &self.tcp4, &self.tcp6]
    }
}
