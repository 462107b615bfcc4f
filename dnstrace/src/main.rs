//! Command line of dnstrace.

use std::process::ExitCode;

use dnstrace::cli::{self, Failure};

fn main() -> ExitCode {
    let Err(failure) = cli::run(std::env::args_os()) else { return ExitCode::SUCCESS };
    cli::complain(&failure);
    ExitCode::from(match failure {
        Failure::Findings(_) => 1,
        Failure::Usage(_) => 2,
        Failure::Start(_) | Failure::Incomplete(_) | Failure::Internal(_) => 3,
    })
}
