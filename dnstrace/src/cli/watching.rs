//! A run on the kernel's hooks: `trace`, `record` and `report` differ in what becomes of it.

use std::sync::Arc;

use super::arguments::{CaptureArguments, ShowArguments};
use super::message::say;
use super::session::{Session, run};
use super::{Failure, configuration, who};
use crate::capture::live::{Live, name};
use crate::pipeline::{PipelineOptions, Stop, run_live};
use crate::sink::Summary;

/// Attaches the hooks, says so with `hint` behind it, and runs until it is told to end.
pub(super) fn watch(
    capture: &CaptureArguments,
    show: &ShowArguments,
    session: Session,
    hint: Option<String>,
) -> Result<Arc<Summary>, Failure> {
    let live_options = configuration::live(capture, show);
    let pipeline_options = PipelineOptions { run_for: capture.run_for, ..configuration::pipeline(show) };
    let sources = capture.sources.clone();
    let stop = Stop::default();
    run(session, stop.clone(), move |outputs| {
        let live = Live::start(&live_options).map_err(|error| Failure::Start(error.to_string()))?;
        let sources = Some(who::start(&sources)?);
        announce(&live);
        if let Some(hint) = hint {
            say(&hint);
        }
        Ok(run_live(live, sources, &pipeline_options, outputs, &stop))
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
