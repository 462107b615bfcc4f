//! What is read, and what becomes of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FileArguments, ShowArguments};
use crate::cli::examples::READ_FORMAT;

#[derive(Debug, Args)]
#[command(
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true,
    mut_arg("format", |format| format.help(READ_FORMAT).hide_possible_values(true))
)]
pub(in crate::cli) struct ReadArguments {
    /// Capture files, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(in crate::cli) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) show: ShowArguments,

    /// Who is who: what `dnstrace owners --format json` printed; can be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub(in crate::cli) owners: Vec<PathBuf>,

    /// Leave tunnels as they are (IP in IP, GRE, VXLAN, Geneve)
    #[arg(long, global = true)]
    pub(in crate::cli) no_tunnels: bool,

    #[command(subcommand)]
    pub(in crate::cli) verb: Option<ReadVerb>,
}

/// What to do with what was read.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReadVerb {
    /// Show DNS transactions; so does no verb at all
    Trace,
    /// Print one page: what is wrong and what to do, who asked, what was lost and where
    Report,
    /// Record the DNS packets to a pcapng file
    Record(FileArguments),
}

impl ReadVerb {
    /// Whether transactions are shown.
    pub(in crate::cli) fn prints(&self) -> bool {
        match self {
            Self::Trace => true,
            Self::Report => false,
            Self::Record(file) => file.print,
        }
    }
}
