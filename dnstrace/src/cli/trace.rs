//! `dnstrace trace`: what the kernel's hooks see, until it is told to end.

use std::sync::Arc;

use super::arguments::TraceArguments;
use super::message::say;
use super::session::{Session, run};
use super::{Failure, configuration};
use crate::capture::live::{Live, name};
use crate::pipeline::{PipelineOptions, run_live};
use crate::sink::{Summary, WhenFull};

/// Runs it; gives what it adds up to.
pub(super) fn trace(arguments: &TraceArguments) -> Result<Arc<Summary>, Failure> {
    let live_options = configuration::live(arguments);
    let pipeline_options = PipelineOptions { run_for: arguments.run_for, ..configuration::pipeline(&arguments.show) };
    let session = Session {
        outlet: configuration::outlet(&arguments.show, WhenFull::Drop),
        format: configuration::format(&arguments.show),
    };
    run(session, move |outlet, stop| {
        let live = Live::start(&live_options).map_err(|error| Failure::Start(error.to_string()))?;
        announce(&live);
        Ok(run_live(live, &pipeline_options, outlet, stop))
    })
}

/// One line for each hook; whoever waits for us waits for one that starts with `watching`.
fn announce(live: &Live) {
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
