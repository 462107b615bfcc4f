//! Command line of dnstrace.

use std::io::{Write, stderr};
use std::process::ExitCode;

use dnstrace::cli::{self, Failure};

fn main() -> ExitCode {
    let Err(failure) = cli::run(std::env::args_os()) else { return ExitCode::SUCCESS };
    // A closed standard error leaves the exit code to say it.
    let _ = writeln!(stderr().lock(), "dnstrace: {failure}");
    ExitCode::from(match failure {
        Failure::Usage(_) => 2,
        Failure::Start(_) | Failure::Incomplete(_) | Failure::Internal(_) => 3,
    })
}
