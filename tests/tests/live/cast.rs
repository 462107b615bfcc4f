//! Who is on the node: a client pod, a server pod behind the Service, the peers that run in them.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Node, Pod};
use dnstrace_tests::{command, debian, skip};

/// The peer program.
const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// Whether a test of this name can run; installs what it needs.
pub(crate) fn can_run(test: &str, packages: &[&str]) -> bool {
    if !skip::is_root() {
        skip::skip(test, "not root");
        return false;
    }
    debian::install(packages).expect("packages");
    true
}

/// A node with a client pod and a server pod behind the Service's addresses.
pub(crate) struct Cast {
    pub(crate) server: Pod,
    pub(crate) client: Pod,
    /// Last: it goes after its pods.
    pub(crate) node: Node,
}

impl Cast {
    /// Pods without anything in them.
    pub(crate) fn new() -> Result<Self> {
        let node = Node::new()?;
        let (client, server) = (node.pod("vcli1")?, node.pod("vdns1")?);
        node.service(&[&server])?;
        Ok(Self { server, client, node })
    }

    /// With the peer as server.
    pub(crate) fn with_peer() -> Result<(Self, Peer)> {
        let cast = Self::new()?;
        let peer = Peer::serve(&cast.server, &[cast.server.v4, cast.server.v6])?;
        Ok((cast, peer))
    }
}

/// A peer that serves, gone when dropped.
pub(crate) struct Peer(Child);

impl Peer {
    /// Listens from when this returns.
    pub(crate) fn serve(pod: &Pod, addresses: &[IpAddr]) -> Result<Self> {
        let mut peer = pod.command(PEER)?;
        peer.arg("serve").args(addresses.iter().map(ToString::to_string));
        let mut child = peer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        ensure!(line == "ready\n", "the peer does not serve");
        Ok(Self(child))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets a peer in `pod` send messages to `server` in the way `verb` says.
pub(crate) fn ask(pod: &Pod, verb: &str, server: IpAddr, messages: &[Vec<u8>]) -> Result<()> {
    let hex = |message: &Vec<u8>| {
        message.iter().fold(String::new(), |mut text, byte| {
            // Writing into a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    let mut peer = pod.command(PEER)?;
    command::of(peer.args([verb, &server.to_string()]).args(messages.iter().map(hex)))?;
    Ok(())
}
