//! What made a pod, without asking the API server.

use super::fact::Workload;

/// By the form of the pod's name.
pub fn from_name(_name: &str) -> Option<Workload> {
    None
}
