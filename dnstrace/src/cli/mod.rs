//! Arguments to checked configuration, one file per command.

mod arguments;
mod configuration;
mod doctor;
mod examples;
mod explain;
mod message;
mod owners;
mod patience;
mod progress;
mod quantity;
mod read;
mod record;
mod recording;
mod report;
mod reporting;
mod session;
mod trace;
mod values;
mod watching;
mod who;

use std::ffi::OsString;
use std::io::{self, stderr, stdout};

use clap::Parser;
use clap::error::ErrorKind;

use arguments::{Arguments, Command, DoctorArguments, DoctorFormat};
use message::{say, show};

use crate::sink::{self, Summary};

/// Why a run did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was typed makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What is needed is missing: a privilege, a kernel feature, a file.
    #[error("{0}")]
    Start(String),
    /// The rest of a file could not be read.
    #[error("{0}")]
    Incomplete(String),
    /// There is a finding, and the user wanted to know by the exit code.
    #[error("there are findings, the surest of them {0}")]
    Findings(&'static str),
    /// Nothing the user did.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    fn threads(error: &io::Error) -> Self {
        Self::Start(format!("cannot start threads and signal handlers: {error}"))
    }

    fn output(error: &io::Error) -> Self {
        Self::Internal(format!("cannot write to standard output: {error}"))
    }
}

/// Tells the user.
pub fn complain(failure: &Failure) {
    say(&format!("dnstrace: {failure}"));
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return tell_usage(&error),
    };
    let (has_report, fail_on) = (arguments.command.has_report(), arguments.command.fail_on());
    let summary = match arguments.command {
        Command::Trace(arguments) => trace::trace(&arguments)?,
        Command::Report(arguments) => report::report(&arguments)?,
        Command::Record(arguments) => record::record(&arguments)?,
        Command::Read(arguments) => read::read(&arguments)?,
        Command::Owners(arguments) => return owners::owners(&arguments),
        Command::Explain(arguments) => return explain::explain(&arguments),
        Command::Doctor(arguments) => return doctor(&arguments),
    };
    if !has_report {
        show(&sink::summary(&summary, &configuration::palette(&stderr())));
    }
    tell_problems(&summary)?;
    match summary.surest {
        Some(surest) if fail_on.is_some_and(|least| surest >= least) => Err(Failure::Findings(surest.name())),
        _ => Ok(()),
    }
}

fn doctor(arguments: &DoctorArguments) -> Result<(), Failure> {
    let sources = owners::learn(&arguments.sources)?.reports;
    let out = &mut stdout().lock();
    let found = match arguments.format {
        DoctorFormat::Text => doctor::run(sources, out),
        DoctorFormat::Json => doctor::run_json(sources, out),
    };
    match found {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Start("no hook can be attached here".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::output(&error)),
    }
}

fn tell_problems(summary: &Summary) -> Result<(), Failure> {
    for warning in &summary.warnings {
        say(&format!("dnstrace: warning: {warning}"));
    }
    match &summary.error {
        Some(error) => Err(Failure::Incomplete(error.clone())),
        None => Ok(()),
    }
}

/// Help and version go out as they are; of an error, the first paragraph in one line.
fn tell_usage(error: &clap::Error) -> Result<(), Failure> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed pipe is no failure.
        let _ = error.print();
        return Ok(());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Failure::Usage("what to do? see 'dnstrace --help'".to_owned()));
    }
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = paragraph.trim_start_matches("error: ").split_whitespace().collect();
    Err(Failure::Usage(format!("{}; see --help", words.join(" "))))
}
