//! The node that tests and demo run on (network namespaces, servers, clients), and what this machine needs for it.

pub mod cache;
pub mod clients;
pub mod command;
pub mod containerd;
pub mod coredns;
pub mod debian;
pub mod frame;
pub mod fuzz;
pub mod go;
pub mod kube;
pub mod node;
pub mod pcap;
pub mod product;
pub mod resolved;
pub mod servers;
pub mod skip;
pub mod test_run;
