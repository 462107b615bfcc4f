//! A result of CNI plugins: addresses of a pod, its netns, the node's ends of its interfaces.
//!
//! Shapes of the CNI specification 0.3 to 1.1, and of 0.2, which has no interfaces.

use std::net::IpAddr;

use serde::Deserialize;

use super::{netns, uid};
use crate::owner::fact::Text;

/// A pod has one address of each family, and with Multus a few more.
pub(super) const ADDRESSES_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CniResult {
    ips: Option<Vec<Ip>>,
    ip4: Option<Old>,
    ip6: Option<Old>,
    interfaces: Option<Vec<Interface>>,
}

#[derive(Debug, Deserialize)]
struct Ip {
    address: String,
}

#[derive(Debug, Deserialize)]
struct Old {
    ip: String,
}

#[derive(Debug, Deserialize)]
struct Interface {
    #[serde(default)]
    name: String,
    #[serde(default)]
    sandbox: Option<String>,
}

impl Interface {
    /// Whether it lies in the pod's netns, and not in the node's.
    fn in_pod(&self) -> bool {
        self.sandbox.as_deref().is_some_and(|sandbox| sandbox.starts_with('/'))
    }
}

impl CniResult {
    /// Addresses, without their networks. `None` is one that is none.
    pub(super) fn addresses(&self) -> Option<Vec<IpAddr>> {
        let new = self.ips.iter().flatten().map(|ip| &ip.address);
        let old = [&self.ip4, &self.ip6].into_iter().flatten().map(|ip| &ip.ip);
        new.chain(old).take(ADDRESSES_MAX).map(|text| address(text)).collect()
    }

    /// The file of the pod's netns.
    pub(super) fn netns(&self) -> Option<Text> {
        let inside = self.interfaces.iter().flatten().find(|interface| interface.in_pod());
        netns::file(inside?.sandbox.as_deref()?)
    }

    /// Plugins list the node's end right before the pod's; a bridge, which leads to every pod, comes before both.
    pub(super) fn node_ends(&self) -> Vec<Text> {
        let interfaces = self.interfaces.as_deref().unwrap_or_default();
        let pairs = interfaces.windows(2).filter(|pair| !pair[0].in_pod() && pair[1].in_pod());
        pairs.take(ADDRESSES_MAX).filter_map(|pair| uid::word(&pair[0].name)).collect()
    }
}

/// `10.244.1.2/24` or without the network, IPv4-mapped ones as IPv4.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let (address, _) = text.split_once('/').unwrap_or((text, ""));
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> CniResult {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn bridge_is_not_a_pods_own() {
        let result = parse(
            r#"{"interfaces":[{"name":"cni0"},{"name":"veth1"},{"name":"eth0","sandbox":"/var/run/netns/cni-1"}],
                "ips":[{"address":"10.244.1.2/24","interface":2},{"address":"::ffff:10.0.0.1"}]}"#,
        );
        assert_eq!(result.node_ends(), vec!["veth1".into()]);
        assert_eq!(result.netns().as_deref(), Some("/run/netns/cni-1"));
        assert_eq!(result.addresses(), Some(vec!["10.244.1.2".parse().unwrap(), "10.0.0.1".parse().unwrap()]));
    }

    #[test]
    fn plugins_that_say_less() {
        let result = parse(r#"{"ip4":{"ip":"10.1.2.3/24"},"ip6":{"ip":"2001:db8::3/64"},"interfaces":null}"#);
        assert_eq!(result.addresses().map(|all| all.len()), Some(2));
        assert_eq!((result.node_ends(), result.netns()), (vec![], None));
        let dummy = parse(r#"{"interfaces":[{"name":"eth0","sandbox":"/n"},{"name":"dummy1","sandbox":"0"}]}"#);
        assert_eq!(dummy.node_ends(), Vec::<Text>::new());
        assert_eq!(parse(r#"{"ips":[{"address":"x"}]}"#).addresses(), None);
    }
}
