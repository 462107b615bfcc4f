//! A pod in a comment of its own, a line for each fact, in the words of ptcpdump, as for processes.

use std::fmt::{self, Display};

use crate::owner::{Container, Pod};
use crate::sink::escape::printable;

/// Whose socket a packet was seen at.
pub(super) struct PodComment<'a> {
    pub(super) pod: &'a Pod,
    pub(super) container: Option<&'a Container>,
}

impl Display for PodComment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, container } = self;
        write!(f, "PodUID: {}", printable(pod.uid.as_bytes()))?;
        let line = |f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>| match value {
            Some(value) => write!(f, "\n{name}: {}", printable(value.as_bytes())),
            None => Ok(()),
        };
        line(f, "PodName", pod.name.as_deref())?;
        line(f, "PodNamespace", pod.namespace.as_deref())?;
        let workload = pod.workload.as_ref().map(|workload| format!("{} {}", workload.kind, workload.name));
        line(f, "Workload", workload.as_deref())?;
        let Some(container) = container else { return Ok(()) };
        line(f, "ContainerId", Some(&container.id))?;
        line(f, "ContainerName", container.name.as_deref())?;
        line(f, "ContainerImage", container.image.as_deref())
    }
}
