//! A run on the kernel's hooks: `trace`, `record` and `report` differ in what becomes of it.

use std::sync::Arc;

use super::arguments::{CaptureArguments, ShowArguments};
use super::message::say;
use super::session::{Session, run};
use super::{Failure, configuration, who};
use crate::capture::live::{Live, name};
use crate::pipeline::{PipelineOptions, Stop, run_live};
use crate::sink::Summary;

/// What becomes of what is watched.
pub(super) struct Watch {
    /// How the run goes.
    pub(super) session: Session,
    /// What the stages are told.
    pub(super) pipeline: PipelineOptions,
    /// Said when everything is attached.
    pub(super) hint: Option<String>,
}

impl Watch {
    /// As the arguments say.
    pub(super) fn new(session: Session, capture: &CaptureArguments, show: &ShowArguments) -> Self {
        let pipeline = PipelineOptions { run_for: capture.run_for, ..configuration::pipeline(show) };
        Self { session, pipeline, hint: None }
    }
}

/// Attaches the hooks, says so, and runs until it is told to end.
pub(super) fn watch(capture: &CaptureArguments, show: &ShowArguments, watch: Watch) -> Result<Arc<Summary>, Failure> {
    let Watch { session, pipeline: pipeline_options, hint } = watch;
    let live_options = configuration::live(capture, show);
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
