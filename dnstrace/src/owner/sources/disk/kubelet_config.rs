//! kubelet's configuration to what it says of cluster DNS.

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::found::Found;
use super::kubelet_process::Kubelet;
use super::uid;
use crate::owner::fact::{ClusterDnsFact, Fact, Text};
use crate::owner::sources::host::HostRoot;

/// Where distributions keep it: kubeadm, `OpenShift`, EKS, k3s, RKE2.
const PLACES: [&str; 6] = [
    "var/lib/kubelet/config.yaml",
    "etc/kubernetes/kubelet.conf",
    "etc/kubernetes/kubelet/config.json",
    "etc/kubernetes/kubelet/kubelet-config.json",
    "var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf",
    "var/lib/rancher/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf",
];

/// A few kilobytes are usual.
const FILE_MAX: usize = 256 * 1024;

/// resolv.conf takes three servers; a few more do no harm.
const SERVERS_MAX: usize = 8;

/// Where pods send their queries.
const PORT: u16 = 53;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Configuration {
    kind: Option<String>,
    #[serde(rename = "clusterDNS")]
    cluster_dns: Option<Vec<String>>,
    #[serde(rename = "clusterDomain")]
    cluster_domain: Option<String>,
}

/// Reads flags and files; the last word is that of the folder of additions, flags apart.
pub(super) fn look(host: &HostRoot, kubelet: Option<&Kubelet>) -> Found {
    let (mut fact, mut from, mut skipped) = (ClusterDnsFact::default(), Vec::new(), 0);
    for path in files(host, kubelet) {
        let Ok(text) = host.read_text(&path, FILE_MAX) else {
            skipped += u64::from(host.exists(&path));
            continue;
        };
        match parse(&text) {
            Some(found) => {
                replace(&mut fact, found);
                from.push(format!("/{}", path.display()));
            }
            None => skipped += 1,
        }
    }
    if let Some(found) = kubelet.map(of_flags).filter(|found| *found != ClusterDnsFact::default()) {
        replace(&mut fact, found);
        from.push("kubelet's command line".to_owned());
    }
    if fact == ClusterDnsFact::default() {
        return Found::absent("kubelet's configuration says nothing of cluster DNS".to_owned()).skipping(skipped);
    }
    let servers: Vec<String> = fact.servers.iter().map(|server| server.ip().to_string()).collect();
    let found = format!("cluster DNS {} in {}", servers.join(", "), from.join(", "));
    Found::ready(vec![Fact::ClusterDns(fact)], found).skipping(skipped)
}

/// Those of its flags, or the first one of the usual places.
fn files(host: &HostRoot, kubelet: Option<&Kubelet>) -> Vec<PathBuf> {
    let named = kubelet.and_then(|kubelet| kubelet.path("config"));
    let usual = || PLACES.iter().map(PathBuf::from).find(|path| is_configuration(host, path));
    let mut files: Vec<PathBuf> = named.or_else(usual).into_iter().collect();
    if let Some(folder) = kubelet.and_then(|kubelet| kubelet.path("config-dir")) {
        let (entries, _) = host.entries(&folder).unwrap_or_default();
        let additions =
            entries.into_iter().filter(|entry| Path::new(&entry.name).extension() == Some(OsStr::new("conf")));
        files.extend(additions.map(|entry| folder.join(entry.name)));
    }
    files
}

/// `/etc/kubernetes/kubelet.conf` is credentials with kubeadm.
fn is_configuration(host: &HostRoot, path: &PathBuf) -> bool {
    host.read_text(path, FILE_MAX).is_ok_and(|text| text.contains("KubeletConfiguration"))
}

/// YAML, of which JSON is a part. `None` is a file that is not kubelet's configuration.
fn parse(text: &str) -> Option<ClusterDnsFact> {
    let file: Configuration = serde_saphyr::from_str(text).ok()?;
    (file.kind? == "KubeletConfiguration").then_some(())?;
    let servers = file.cluster_dns.unwrap_or_default();
    Some(fact(servers.iter().map(String::as_str), file.cluster_domain.as_deref()))
}

fn of_flags(kubelet: &Kubelet) -> ClusterDnsFact {
    let servers = kubelet.flag("cluster-dns").unwrap_or_default();
    fact(servers.split(','), kubelet.flag("cluster-domain"))
}

fn fact<'a>(servers: impl Iterator<Item = &'a str>, domain: Option<&str>) -> ClusterDnsFact {
    let addresses = servers.filter_map(|text| text.trim().parse().ok()).take(SERVERS_MAX);
    let servers = addresses.map(|address: IpAddr| SocketAddr::new(address.to_canonical(), PORT)).collect();
    ClusterDnsFact { servers, domain: domain.and_then(self::domain), ..ClusterDnsFact::default() }
}

/// Without its final dot.
pub(super) fn domain(text: &str) -> Option<Text> {
    uid::word(text.trim_end_matches('.')).map(|domain| domain.to_ascii_lowercase().into())
}

fn replace(fact: &mut ClusterDnsFact, found: ClusterDnsFact) {
    if !found.servers.is_empty() {
        fact.servers = found.servers;
    }
    fact.domain = found.domain.or(fact.domain.take());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_in_yaml_and_json() {
        let yaml = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
            authentication:\n  x509: {clientCAFile: /ca}\nclusterDNS:\n- 10.96.0.10\n- fd00::a\nclusterDomain: Cluster.Local.\n";
        let json =
            r#"{"kind":"KubeletConfiguration","clusterDNS":["10.96.0.10","fd00::a"],"clusterDomain":"cluster.local"}"#;
        for text in [yaml, json] {
            let fact = parse(text).unwrap();
            assert_eq!(fact.servers, ["10.96.0.10:53", "[fd00::a]:53"].map(|text| text.parse().unwrap()));
            assert_eq!(fact.domain.as_deref(), Some("cluster.local"));
        }
    }

    #[test]
    fn what_is_not_kubelets_configuration() {
        for text in ["", "kind: Config\nclusterDNS: [10.96.0.10]", "kind: KubeletConfiguration\nclusterDNS: 7", ": ["] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert_eq!(parse("kind: KubeletConfiguration").unwrap(), ClusterDnsFact::default());
    }
}
