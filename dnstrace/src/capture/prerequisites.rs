//! What the hooks need of kernel, host and user: each a plain function from facts to a row that explains itself.

mod host;
mod support;
mod user;

use std::path::Path;

pub(super) use host::tells_symbols;
pub use host::{CgroupMount, Host};
pub use support::{Support, Supported};

/// Whether a prerequisite is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Met.
    Ok,
    /// Not met as it could be: something will be missing from what dnstrace shows.
    Limited,
    /// Not met: at least one hook cannot attach.
    Missing,
}

/// One prerequisite on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whether it is met.
    pub state: State,
    /// What is looked at.
    pub subject: &'static str,
    /// What was found.
    pub found: String,
    /// What it costs, when it is not met.
    pub matters: &'static str,
    /// What to do about it, when it is not met.
    pub remedy: &'static str,
}

impl Row {
    fn ok(subject: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Ok, subject, found: found.into(), matters: "", remedy: "" }
    }

    fn limited(subject: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Limited, ..Self::ok(subject, found) }
    }

    fn missing(subject: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Missing, ..Self::ok(subject, found) }
    }

    fn because(self, matters: &'static str, remedy: &'static str) -> Self {
        Self { matters, remedy, ..self }
    }
}

/// Every prerequisite, in the order they are shown. A new one is a function and its line here.
pub const PREREQUISITES: &[fn(&Host) -> Row] = &[
    host::kernel,
    user::capabilities,
    support::ring_buffer,
    support::programs,
    host::btf,
    support::kernel_memory,
    host::cgroup,
    host::netns,
    host::pid_namespace,
    host::locked_memory,
    host::lockdown,
    host::jit,
    host::drops,
];

/// What is lost where the hooks cannot read kernel memory, or do not know where to.
const NOT_KNOWN: &str = "packets lose their process, their socket's netns and their hop id";

/// Looks at every prerequisite.
#[must_use]
pub fn look(host: &Host) -> Vec<Row> {
    PREREQUISITES.iter().map(|prerequisite| prerequisite(host)).collect()
}

/// What to do when the kernel refuses with `EPERM` or `EACCES`.
pub const REMEDY_PERMISSION: &str = "run as root, or with the capabilities BPF, PERFMON, NET_RAW and NET_ADMIN";

/// What to do when no cgroup v2 is mounted.
pub const REMEDY_CGROUP: &str =
    "mount it (mount -t cgroup2 none /sys/fs/cgroup), in a pod as a hostPath of /sys/fs/cgroup";

/// What to do when locked memory is too small for the ring buffer.
pub const REMEDY_LOCKED_MEMORY: &str = "raise it (ulimit -l unlimited, LimitMEMLOCK=infinity), give the capability SYS_RESOURCE, or ask for a smaller ring";

/// What to do when the kernel has no BTF.
pub const REMEDY_BTF: &str = "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys in the container";

/// What to do when the kernel hides where its functions lie.
pub const REMEDY_SYMBOLS: &str = "sysctl kernel.kptr_restrict=1, with the capability SYSLOG; or 0";

/// What to do when the kernel is too old.
pub const REMEDY_KERNEL: &str = "use Linux 5.10 or newer";

/// The facts of the host we run on.
#[must_use]
pub fn this_host() -> Host {
    Host::read(Path::new("/"), Support::probe())
}
