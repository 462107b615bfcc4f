//! What is beyond this node: Services, pods of other nodes, cluster DNS.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Text;

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceFact {
    /// Kubernetes namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// ClusterIPs, external and load balancers' addresses.
    pub addresses: Vec<IpAddr>,
}

/// A pod of another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemotePod {
    /// Kubernetes namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// Its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Text>,
}

/// What a source knows of cluster DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterDnsFact {
    /// Where pods send their queries: a Service's address, or that of a cache on the node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<SocketAddr>,
    /// Pods or processes that answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// The cluster domain, without its final dot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Text>,
}

/// Where cluster DNS answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address and port behind the Service's.
    pub address: SocketAddr,
    /// Kubernetes namespace and name of its pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<(Text, Text)>,
    /// Whether it takes queries.
    pub ready: bool,
}
