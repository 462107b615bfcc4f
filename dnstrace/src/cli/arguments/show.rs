//! What is shown, and what is looked at for it.

use std::time::Duration;

use clap::{Args, ValueEnum};
use globset::GlobMatcher;

use crate::cli::quantity;
use crate::cli::values::{name_glob, rcode, record_type, slow};
use crate::cli::who::WhoArguments;
use crate::rules::finding::Certainty;

/// What is shown, and what is looked at for it. Behind `read`, before and after its verb.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// One line for each sighting of a message instead of one for each transaction
    #[arg(long, global = true)]
    pub(in crate::cli) observations: bool,

    /// The hops of each transaction below it: times, interfaces, and what NAT changed
    #[arg(long, global = true)]
    pub(in crate::cli) path: bool,

    /// Lines for people, or one JSON object a line, schema dnstrace.dns/1
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(in crate::cli) format: FormatArgument,

    /// Stop after so many lines, or recorded packets
    #[arg(short, long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) count: Option<u64>,

    /// Ports that DNS is spoken on; can be repeated
    #[arg(long, global = true, value_name = "PORT", value_delimiter = ',', default_value = "53,5353",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) port: Vec<u16>,

    /// How long a query waits for its response before it is shown without one
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = quantity::duration)]
    pub(in crate::cli) timeout: Duration,

    /// Only names that match this pattern, without final dot; can be repeated
    #[arg(long, global = true, value_name = "GLOB", value_parser = name_glob, help_heading = "Filter")]
    pub(in crate::cli) name: Vec<GlobMatcher>,

    /// Only these query types, for example A,AAAA or 65
    #[arg(long = "type", global = true, value_name = "TYPE", value_delimiter = ',', value_parser = record_type,
          help_heading = "Filter")]
    pub(in crate::cli) record_type: Vec<u16>,

    /// Only responses with these rcodes, for example NXDOMAIN,SERVFAIL or 5
    #[arg(long, global = true, value_name = "RCODE", value_delimiter = ',', value_parser = rcode, help_heading = "Filter")]
    pub(in crate::cli) rcode: Vec<u16>,

    /// Only what took at least this long, or got no response
    #[arg(long, global = true, value_name = "TIME", value_parser = quantity::duration, conflicts_with = "observations",
          help_heading = "Filter")]
    pub(in crate::cli) slower_than: Option<Duration>,

    /// From here on a response counts as slow: for the finding server-slow, and where the report says where time went
    #[arg(long, global = true, value_name = "TIME", default_value = "100ms", value_parser = slow)]
    pub(in crate::cli) slow: Duration,

    /// Exit with 1 when there is a finding at least this sure; advice does not count
    #[arg(long, global = true, value_enum, value_name = "CERTAINTY")]
    pub(in crate::cli) fail_on: Option<CertaintyArgument>,

    /// Only transactions that failed, or of which a rule says something
    #[arg(long, global = true, conflicts_with = "observations", help_heading = "Filter")]
    pub(in crate::cli) problems: bool,

    #[command(flatten)]
    pub(in crate::cli) who: WhoArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FormatArgument {
    Text,
    Json,
    /// A report only.
    #[value(hide = true)]
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CertaintyArgument {
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
