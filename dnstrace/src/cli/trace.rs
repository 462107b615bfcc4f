//! `dnstrace trace`: what the kernel's hooks see, until it is told to end.

use std::sync::Arc;

use super::arguments::TraceArguments;
use super::message::say;
use super::session::{Session, run};
use super::{Failure, configuration};
use crate::capture::live::{Live, name};
use crate::pipeline::{PipelineOptions, Stop, run_live};
use crate::sink::{Summary, WhenFull};

/// Runs it; gives what it adds up to.
pub(super) fn trace(arguments: &TraceArguments) -> Result<Arc<Summary>, Failure> {
    let live_options = configuration::live(&arguments.capture, &arguments.show);
    let pipeline_options =
        PipelineOptions { run_for: arguments.capture.run_for, ..configuration::pipeline(&arguments.show) };
    let session = Session {
        outlet: configuration::outlet(&arguments.show, WhenFull::Drop),
        format: configuration::format(&arguments.show)?,
        recording: None,
        report: None,
    };
    let stop = Stop::default();
    run(session, stop.clone(), move |outputs| {
        let live = Live::start(&live_options).map_err(|error| Failure::Start(error.to_string()))?;
        announce(&live);
        Ok(run_live(live, &pipeline_options, outputs, &stop))
    })
}

/// One line for each hook; whoever waits for us waits for one that starts with `watching`.
pub(super) fn announce(live: &Live) {
    if let Some(limits) = live.limits() {
        say(&limits);
    }
    for attachment in live.attached() {
        let hook = name(attachment.hook);
        match &attachment.result {
            Ok(place) => say(&format!("watching {hook}: {place}")),
            Err(reason) => say(&format!("not watching {hook}: {reason}")),
        }
    }
}
