//! Waiting for what another program does: bounded, and no longer than it takes.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

/// Short against what is waited for (a tenth of a second to half a minute), long against what asking costs.
const INTERVAL: Duration = Duration::from_millis(50);

/// Asks until there is an answer. `Ok(None)` means not yet; an error is the end of waiting.
/// The limit counts the pauses between questions, not the questions.
pub(crate) fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..limit.as_millis().div_ceil(INTERVAL.as_millis()) {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        thread::sleep(INTERVAL);
    }
    bail!("{what}: not within {} s", limit.as_secs())
}

/// Tries until it works; the last error is the one at the end.
pub(crate) fn until_ok<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut last = None;
    let tried = until(what, limit, || Ok(attempt().map_err(|error| last = Some(error)).ok()));
    match last {
        Some(error) if tried.is_err() => Err(error.context(format!("{what}: not within {} s", limit.as_secs()))),
        _ => tried,
    }
}

/// Adds to the error what else helps a person: what was waited for stays the first line.
pub(crate) fn explain<T>(waited: Result<T>, help: impl FnOnce() -> String) -> Result<T> {
    waited.map_err(|error| anyhow!("{error:#}\n{}", help()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_again_until_there_is_an_answer() {
        let mut answers = [None, Some(3)].into_iter();
        assert_eq!(until("a number", Duration::from_secs(1), || Ok(answers.next().unwrap())).unwrap(), 3);
    }

    #[test]
    fn an_error_is_the_end_of_waiting() {
        let mut answers = [Ok(None), Err(anyhow::anyhow!("it died"))].into_iter();
        let error = until::<()>("a program", Duration::from_secs(1), || answers.next().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "it died");
    }

    #[test]
    fn trying_ends_with_the_last_error() {
        let error = until_ok::<()>("a pod", INTERVAL, || bail!("no such pod")).unwrap_err();
        assert_eq!(format!("{error:#}"), "a pod: not within 0 s: no such pod");
    }
    #[test]
    fn an_error_begins_with_what_was_waited_for() {
        let waited = until_ok::<()>("a pod", INTERVAL, || bail!("no such pod"));
        let error = explain(waited, || "NAME READY".to_owned()).unwrap_err();
        assert_eq!(error.to_string(), "a pod: not within 0 s: no such pod\nNAME READY");
    }
}
