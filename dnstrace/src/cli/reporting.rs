//! A report at the end of a run: what it is asked for, and how it is printed.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::arguments::{FormatArgument, ShowArguments};
use super::message::say;
use super::patience::Patience;
use super::session::{Session, spawn};
use super::{Failure, configuration};
use crate::sink::{Observed, ReportFormat, Summary, WhenFull, write_report};

/// After a second Ctrl-C, so long for what reads standard output.
const GRACE: Duration = Duration::from_millis(250);

/// A run that shows nothing until its end.
pub(super) fn session(show: &ShowArguments, when_full: WhenFull) -> Result<Session, Failure> {
    if show.path || show.observations || show.count.is_some() {
        return Err(Failure::Usage("--path, --observations and --count are for lines: a report has none".to_owned()));
    }
    Ok(Session {
        outlet: configuration::outlet_beside(false, show, when_full),
        // What is lost meanwhile is said on standard error as it is lost.
        format: configuration::text(show),
        recording: None,
        report: Some(match show.format {
            FormatArgument::Text => ReportFormat::Text(configuration::palette(&io::stdout())),
            FormatArgument::Json => ReportFormat::Json,
            FormatArgument::Markdown => ReportFormat::Markdown,
        }),
        rules: configuration::rules(show),
    })
}

/// Prints it. Ctrl-C is how a report is asked for: it takes another one not to wait for who reads it.
pub(super) async fn print(
    observed: Observed,
    summary: Arc<Summary>,
    format: ReportFormat,
    patience: &mut Patience,
) -> Result<(), Failure> {
    patience.renew();
    let mut printed = spawn("report", move |done| {
        let write = |bytes: Vec<u8>| {
            let mut out = io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()
        };
        let _ = done.send(write_report(&observed, &summary, format).and_then(write));
    })?;
    match patience.wait(&mut printed, GRACE).await {
        Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => return Err(Failure::output(&error)),
        None => say("standard output is blocked: not everything was written"),
        _ => {}
    }
    Ok(())
}
