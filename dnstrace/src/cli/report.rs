//! `dnstrace report`: what the kernel's hooks see, on one page at the end.

use std::sync::Arc;
use std::time::Duration;

use super::arguments::ReportArguments;
use super::message::say;
use super::session::run;
use super::trace::announce;
use super::{Failure, configuration, reporting};
use crate::capture::live::Live;
use crate::pipeline::{PipelineOptions, Stop, run_live};
use crate::sink::{Summary, WhenFull};

/// Runs it; gives what it adds up to.
pub(super) fn report(arguments: &ReportArguments) -> Result<Arc<Summary>, Failure> {
    let ReportArguments { show, capture } = arguments;
    let live_options = configuration::live(capture, show);
    let pipeline_options = PipelineOptions { run_for: capture.run_for, ..configuration::pipeline(show) };
    let session = reporting::session(show, WhenFull::Drop)?;
    let stop = Stop::default();
    run(session, stop.clone(), move |outputs| {
        let live = Live::start(&live_options).map_err(|error| Failure::Start(error.to_string()))?;
        announce(&live);
        say(&when(pipeline_options.run_for));
        Ok(run_live(live, &pipeline_options, outputs, &stop))
    })
}

/// A terminal on which nothing moves should say until when.
fn when(run_for: Option<Duration>) -> String {
    match run_for {
        Some(time) => format!("the report comes in {} s, or with Ctrl-C", time.as_secs_f64()),
        None => "the report comes with Ctrl-C".to_owned(),
    }
}
