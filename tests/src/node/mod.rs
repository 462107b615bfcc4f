//! A node made of network namespaces: pods on a bridge, an upstream, a Service address with DNAT.
