//! The node that tests and demo run on: network namespaces, servers, clients.
