//! kube-proxy: by which of the kernel's rules it does its work.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::components::{CONFIGURATION_OF_KUBE_PROXY, KUBE_PROXY, Running};
use super::{Kube, programs, wait};
use crate::command;

/// It starts, writes its rules and removes the others in two seconds; a busy machine needs a multiple.
const LIMIT: Duration = Duration::from_mins(1);

/// Which rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyMode {
    /// Tables of nftables, as the node starts.
    Nftables,
    /// Chains of iptables, which Debian's iptables keeps in nftables of its own.
    Iptables,
}

/// The node's kube-proxy in another mode, until this is dropped.
#[derive(Debug)]
pub struct OtherProxy<'a>(&'a Kube);

impl Drop for OtherProxy<'_> {
    fn drop(&mut self) {
        // The tests that follow say what they need.
        let _ = restart(self.0, ProxyMode::Nftables);
    }
}

/// Starts kube-proxy again in iptables mode, and waits until it does its work.
pub(super) fn iptables(kube: &Kube) -> Result<OtherProxy<'_>> {
    let other = OtherProxy(kube);
    restart(kube, ProxyMode::Iptables)?;
    Ok(other)
}

fn restart(kube: &Kube, mode: ProxyMode) -> Result<()> {
    programs::end(&kube.kubernetes, "kube-proxy")?;
    let (path, text) = CONFIGURATION_OF_KUBE_PROXY;
    let text = text.replace("mode: nftables", mode.line());
    ensure!(text.contains(mode.line()), "kube-proxy's configuration has no mode");
    fs::write(kube.state.on_node(path), text).context("cannot write kube-proxy's configuration")?;
    let mut running = Running::new(&kube.state, &kube.space, kube.kubernetes.clone());
    running.start(&KUBE_PROXY)?;
    let waited = wait::until("kube-proxy's rules", LIMIT, || {
        running.check()?;
        Ok((rules(kube)? == [mode]).then_some(()))
    });
    wait::explain(waited, || kube.state.last_log_lines("kube-proxy"))?;
    wait::explain(kube.wait_for_cluster_dns(), || kube.state.last_log_lines("kube-proxy"))
}

/// The modes whose rules the kernel has.
fn rules(kube: &Kube) -> Result<Vec<ProxyMode>> {
    let tables = command::of(kube.space.command("nft").args(["list", "tables"]))?;
    let chains = command::of(kube.space.command("iptables-save").args(["--table", "nat"]))?;
    let of_nftables = tables.contains("kube-proxy").then_some(ProxyMode::Nftables);
    // Chains of Services: those that are in them, not those that kubelet makes.
    let of_iptables = chains.contains("-A KUBE-SERVICES").then_some(ProxyMode::Iptables);
    Ok(of_nftables.into_iter().chain(of_iptables).collect())
}

impl ProxyMode {
    fn line(self) -> &'static str {
        match self {
            Self::Nftables => "mode: nftables",
            Self::Iptables => "mode: iptables",
        }
    }
}
