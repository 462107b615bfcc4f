//! `dnstrace owners`: who is who on this node, as it stands.

use std::collections::BTreeMap;
use std::io::{self, stdout};
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, timeout_at};

use super::Failure;
use super::arguments::DoctorFormat;
use super::who::{SourceArguments, start};
use crate::capture::live::{boot_time, wall_time_of};
use crate::owner::fact::Source;
use crate::owner::sources::{Report, Sources, State, Update};
use crate::owner::{Owner, WallClock};
use crate::sink::{write_owners, write_owners_json};

/// Files and sockets answer within a second. An API server that hangs is given up after ten: that is to be told, too.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct OwnersArguments {
    /// A table for people, or one JSON object a line, which `dnstrace read --owners` takes
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(super) format: DoctorFormat,

    #[command(flatten)]
    pub(super) sources: SourceArguments,
}

/// Prints it.
pub(super) fn owners(arguments: &OwnersArguments) -> Result<(), Failure> {
    let Known { owner, reports } = learn(&arguments.sources)?;
    let mut out = stdout().lock();
    let clock = WallClock { time: boot_time(), wall: wall_time_of(boot_time()) };
    let written = match arguments.format {
        DoctorFormat::Text => write_owners(&owner, &reports, &mut out),
        DoctorFormat::Json => write_owners_json(&owner, clock, &mut out),
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::output(&error)),
        _ => Ok(()),
    }
}

/// What all sources have said.
pub(super) struct Known {
    pub(super) owner: Owner,
    /// How each of them does.
    pub(super) reports: Vec<Report>,
}

/// Lets every source say what it knows, or why it does not.
pub(super) fn learn(arguments: &SourceArguments) -> Result<Known, Failure> {
    let sources = start(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Failure::threads(&error))?;
    Ok(runtime.block_on(listen(sources)))
}

async fn listen(mut sources: Sources) -> Known {
    let mut owner = Owner::live(0, Some(Box::new(|_| {})));
    let mut reports: BTreeMap<Source, Report> = BTreeMap::new();
    let end = Instant::now() + PATIENCE;
    while let Ok(Some(update)) = timeout_at(end, sources.next()).await {
        match update {
            Update::Fact(source, fact) => owner.apply(source, fact, boot_time()),
            Update::Report(report) => drop(reports.insert(report.source, report)),
        }
        let has_ended = |source| reports.get(source).is_some_and(|report| report.state != State::Starting);
        if Source::OF_NODE.iter().all(has_ended) {
            break;
        }
    }
    Known { owner, reports: reports.into_values().collect() }
}
