//! Where packets are captured.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::capture::Hook;
use crate::cli::quantity;
use crate::cli::values::{ring_size, snaplen};
use crate::cli::who::SourceArguments;

/// Where packets are captured.
#[derive(Debug, Args)]
pub(in crate::cli) struct CaptureArguments {
    /// Stop after this time, for example 30s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = quantity::duration)]
    pub(in crate::cli) run_for: Option<Duration>,

    /// Where to watch: sockets of every network namespace, devices of this one, what the kernel drops
    #[arg(
        long,
        value_name = "HOOK",
        value_delimiter = ',',
        default_value = "socket,device,drop",
        help_heading = "Capture"
    )]
    pub(in crate::cli) hooks: Vec<HookArgument>,

    /// Watch only this interface at the device hook; can be repeated
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', help_heading = "Capture")]
    pub(in crate::cli) interface: Vec<String>,

    /// cgroup v2 folder whose sockets the socket hook watches [default: all]
    #[arg(long, value_name = "PATH", help_heading = "Capture")]
    pub(in crate::cli) cgroup: Option<PathBuf>,

    /// Capture at most so many bytes of a packet
    #[arg(short, long, value_name = "BYTES", default_value = "65535", value_parser = snaplen, help_heading = "Capture")]
    pub(in crate::cli) snaplen: u32,

    #[command(flatten)]
    pub(in crate::cli) sources: SourceArguments,

    /// Size of the ring buffer, a power of two
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = ring_size, help_heading = "Capture")]
    pub(in crate::cli) ring_size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum HookArgument {
    Socket,
    Device,
    Drop,
}

impl From<HookArgument> for Hook {
    fn from(argument: HookArgument) -> Self {
        match argument {
            HookArgument::Socket => Self::Socket,
            HookArgument::Device => Self::Device,
            HookArgument::Drop => Self::Drop,
        }
    }
}
