//! What a person types.

mod capture;
mod file;
mod read;
mod show;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use capture::CaptureArguments;
pub(super) use file::FileArguments;
pub(super) use read::{ReadArguments, ReadVerb};
pub(super) use show::{FormatArgument, ShowArguments};

use super::examples::{
    EXPLAIN_EXAMPLES, OWNERS_EXAMPLES, READ_EXAMPLES, RECORD_EXAMPLES, REPORT_EXAMPLES, REPORT_FORMAT, TRACE_EXAMPLES,
};
use super::explain::ExplainArguments;
use super::owners::OwnersArguments;
use super::who::SourceArguments;
use crate::rules::finding::Certainty;

/// Shows every DNS transaction of a Kubernetes node: who asked whom, what came back, and which way it went.
#[derive(Debug, Parser)]
#[command(name = "dnstrace", version, max_term_width = 120)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show DNS transactions of this node as they end
    #[command(after_help = TRACE_EXAMPLES)]
    Trace(TraceArguments),
    /// Watch this node, then print one page: what is wrong and what to do, who asked, what was lost and where
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArguments),
    /// Record the DNS packets of this node to a pcapng file
    #[command(after_help = RECORD_EXAMPLES)]
    Record(RecordArguments),
    /// Show the DNS transactions of capture files (pcap, pcapng, dnstap; also gzip, zstd)
    #[command(after_help = READ_EXAMPLES)]
    Read(ReadArguments),
    /// Show who is who on this node: pods, containers, addresses, Services, cluster DNS, and how that is known
    #[command(after_help = OWNERS_EXAMPLES)]
    Owners(OwnersArguments),
    /// Say what a finding means: what it is, what is seen of it, what to do
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Show what this kernel and user allow, and what to do about what is missing
    Doctor(DoctorArguments),
}

impl Command {
    /// Whether a page says what the summary says.
    pub(super) fn has_report(&self) -> bool {
        let verb = match self {
            Self::Read(read) => read.verb.as_ref(),
            _ => None,
        };
        matches!((self, verb), (Self::Report(_), _) | (_, Some(ReadVerb::Report)))
    }

    /// From which certainty on a finding makes the run a failed one.
    pub(super) fn fail_on(&self) -> Option<Certainty> {
        let show = match self {
            Self::Trace(arguments) => &arguments.show,
            Self::Report(arguments) => &arguments.show,
            Self::Record(arguments) => &arguments.show,
            Self::Read(arguments) => &arguments.show,
            Self::Owners(_) | Self::Explain(_) | Self::Doctor(_) => return None,
        };
        show.fail_on.map(Into::into)
    }
}

#[derive(Debug, Args)]
pub(super) struct TraceArguments {
    #[command(flatten)]
    pub(super) show: ShowArguments,

    #[command(flatten)]
    pub(super) capture: CaptureArguments,
}

#[derive(Debug, Args)]
#[command(
    mut_arg("format", |format| format.help(REPORT_FORMAT).hide_possible_values(true)),
    mut_arg("observations", |lines| lines.hide(true)),
    mut_arg("path", |lines| lines.hide(true)),
    mut_arg("count", |lines| lines.hide(true)),
)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    pub(super) show: ShowArguments,

    /// End at the first finding that is more than advice, or with --fail-on at least that sure
    #[arg(long)]
    pub(super) until_finding: bool,

    #[command(flatten)]
    pub(super) capture: CaptureArguments,
}

#[derive(Debug, Args)]
pub(super) struct RecordArguments {
    #[command(flatten)]
    pub(super) file: FileArguments,

    #[command(flatten)]
    pub(super) show: ShowArguments,

    #[command(flatten)]
    pub(super) capture: CaptureArguments,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// How to write
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(super) format: DoctorFormat,

    #[command(flatten)]
    pub(super) sources: SourceArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DoctorFormat {
    Text,
    Json,
}
