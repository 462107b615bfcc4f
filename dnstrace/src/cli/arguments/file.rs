//! Where a recording goes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::quantity;
use crate::cli::values::rotate_size;

/// Where a recording goes.
#[derive(Debug, Args)]
pub(in crate::cli) struct FileArguments {
    /// pcapng file to write, or - for standard output
    #[arg(short, long, visible_short_alias = 'w', value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,

    /// Show the transactions, too
    #[arg(long)]
    pub(in crate::cli) print: bool,

    /// Begin another file before one is larger than this
    #[arg(long, value_name = "SIZE", value_parser = rotate_size, help_heading = "Several files")]
    pub(in crate::cli) rotate_size: Option<u64>,

    /// Begin another file after this time
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = "Several files")]
    pub(in crate::cli) rotate_every: Option<Duration>,

    /// Keep only the newest N files of this recording
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Several files")]
    pub(in crate::cli) keep: Option<u16>,
}
