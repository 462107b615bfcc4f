//! A real one-node Kubernetes in a network namespace of its own.
