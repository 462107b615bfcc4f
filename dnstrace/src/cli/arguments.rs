//! What a person types.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use globset::GlobMatcher;

use super::examples::{
    EXPLAIN_EXAMPLES, OWNERS_EXAMPLES, READ_EXAMPLES, READ_FORMAT, RECORD_EXAMPLES, REPORT_EXAMPLES, REPORT_FORMAT,
    TRACE_EXAMPLES,
};
use super::explain::ExplainArguments;
use super::owners::OwnersArguments;
use super::quantity;
use super::values::{name_glob, rcode, record_type, ring_size, rotate_size, slow, snaplen};
use super::who::{SourceArguments, WhoArguments};
use crate::capture::Hook;
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

/// Where packets are captured.
#[derive(Debug, Args)]
pub(super) struct CaptureArguments {
    /// Stop after this time, for example 30s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = quantity::duration)]
    pub(super) run_for: Option<Duration>,

    /// Where to watch: sockets of every network namespace, devices of this one, what the kernel drops
    #[arg(
        long,
        value_name = "HOOK",
        value_delimiter = ',',
        default_value = "socket,device,drop",
        help_heading = "Capture"
    )]
    pub(super) hooks: Vec<HookArgument>,

    /// Watch only this interface at the device hook; can be repeated
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', help_heading = "Capture")]
    pub(super) interface: Vec<String>,

    /// cgroup v2 folder whose sockets the socket hook watches [default: all]
    #[arg(long, value_name = "PATH", help_heading = "Capture")]
    pub(super) cgroup: Option<PathBuf>,

    /// Capture at most so many bytes of a packet
    #[arg(short, long, value_name = "BYTES", default_value = "65535", value_parser = snaplen, help_heading = "Capture")]
    pub(super) snaplen: u32,

    #[command(flatten)]
    pub(super) sources: SourceArguments,

    /// Size of the ring buffer, a power of two
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = ring_size, help_heading = "Capture")]
    pub(super) ring_size: u32,
}

/// Where a recording goes.
#[derive(Debug, Args)]
pub(super) struct FileArguments {
    /// pcapng file to write, or - for standard output
    #[arg(short, long, visible_short_alias = 'w', value_name = "FILE")]
    pub(super) output: PathBuf,

    /// Show the transactions, too
    #[arg(long)]
    pub(super) print: bool,

    /// Begin another file before one is larger than this
    #[arg(long, value_name = "SIZE", value_parser = rotate_size, help_heading = "Several files")]
    pub(super) rotate_size: Option<u64>,

    /// Begin another file after this time
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = "Several files")]
    pub(super) rotate_every: Option<Duration>,

    /// Keep only the newest N files of this recording
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Several files")]
    pub(super) keep: Option<u16>,
}

#[derive(Debug, Args)]
#[command(
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true,
    mut_arg("format", |format| format.help(READ_FORMAT).hide_possible_values(true))
)]
pub(super) struct ReadArguments {
    /// Capture files, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) show: ShowArguments,

    /// Who is who: what `dnstrace owners --format json` printed; can be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) owners: Vec<PathBuf>,

    /// Leave tunnels as they are (IP in IP, GRE, VXLAN, Geneve)
    #[arg(long, global = true)]
    pub(super) no_tunnels: bool,

    #[command(subcommand)]
    pub(super) verb: Option<ReadVerb>,
}

/// What to do with what was read.
#[derive(Debug, Subcommand)]
pub(super) enum ReadVerb {
    /// Show DNS transactions; so does no verb at all
    Trace,
    /// Print one page: what is wrong and what to do, who asked, what was lost and where
    Report,
    /// Record the DNS packets to a pcapng file
    Record(FileArguments),
}

impl ReadVerb {
    /// Whether transactions are shown.
    pub(super) fn prints(&self) -> bool {
        match self {
            Self::Trace => true,
            Self::Report => false,
            Self::Record(file) => file.print,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// How to write
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(super) format: DoctorFormat,

    #[command(flatten)]
    pub(super) sources: SourceArguments,
}

/// What is shown, and what is looked at for it. Behind `read`, before and after its verb.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// One line for each sighting of a message instead of one for each transaction
    #[arg(long, global = true)]
    pub(super) observations: bool,

    /// The hops of each transaction below it: times, interfaces, and what NAT changed
    #[arg(long, global = true)]
    pub(super) path: bool,

    /// Lines for people, or one JSON object a line, schema dnstrace.dns/1
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(super) format: FormatArgument,

    /// Stop after so many lines, or recorded packets
    #[arg(short, long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// Ports that DNS is spoken on; can be repeated
    #[arg(long, global = true, value_name = "PORT", value_delimiter = ',', default_value = "53,5353",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Vec<u16>,

    /// How long a query waits for its response before it is shown without one
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = quantity::duration)]
    pub(super) timeout: Duration,

    /// Only names that match this pattern, without final dot; can be repeated
    #[arg(long, global = true, value_name = "GLOB", value_parser = name_glob, help_heading = "Filter")]
    pub(super) name: Vec<GlobMatcher>,

    /// Only these query types, for example A,AAAA or 65
    #[arg(long = "type", global = true, value_name = "TYPE", value_delimiter = ',', value_parser = record_type,
          help_heading = "Filter")]
    pub(super) record_type: Vec<u16>,

    /// Only responses with these rcodes, for example NXDOMAIN,SERVFAIL or 5
    #[arg(long, global = true, value_name = "RCODE", value_delimiter = ',', value_parser = rcode, help_heading = "Filter")]
    pub(super) rcode: Vec<u16>,

    /// Only what took at least this long, or got no response
    #[arg(long, global = true, value_name = "TIME", value_parser = quantity::duration, conflicts_with = "observations",
          help_heading = "Filter")]
    pub(super) slower_than: Option<Duration>,

    /// From here on a response counts as slow: for the finding server-slow, and where the report says where time went
    #[arg(long, global = true, value_name = "TIME", default_value = "100ms", value_parser = slow)]
    pub(super) slow: Duration,

    /// Exit with 1 when there is a finding at least this sure; advice does not count
    #[arg(long, global = true, value_enum, value_name = "CERTAINTY")]
    pub(super) fail_on: Option<CertaintyArgument>,

    /// Only transactions that failed, or of which a rule says something
    #[arg(long, global = true, conflicts_with = "observations", help_heading = "Filter")]
    pub(super) problems: bool,

    #[command(flatten)]
    pub(super) who: WhoArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArgument {
    Text,
    Json,
    /// A report only.
    #[value(hide = true)]
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CertaintyArgument {
    Suspected,
    Likely,
    Certain,
}

impl From<CertaintyArgument> for Certainty {
    fn from(argument: CertaintyArgument) -> Self {
        match argument {
            CertaintyArgument::Suspected => Self::Suspected,
            CertaintyArgument::Likely => Self::Likely,
            CertaintyArgument::Certain => Self::Certain,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DoctorFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HookArgument {
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
