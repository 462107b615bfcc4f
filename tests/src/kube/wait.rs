//! Waiting for what another program does: bounded, and no longer than it takes.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

/// Short against what is waited for (a tenth of a second to half a minute), long against what asking costs.
const INTERVAL: Duration = Duration::from_millis(50);

/// Asks until there is an answer. `Ok(None)` and errors mean not yet; the last error is part of the one at the end.
/// The limit counts the pauses between questions, not the questions.
pub(super) fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let mut last = None;
    for _ in 0..limit.as_millis().div_ceil(INTERVAL.as_millis()) {
        match ask() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
        thread::sleep(INTERVAL);
    }
    match last {
        Some(error) => Err(error.context(format!("{what}: not within {} s", limit.as_secs()))),
        None => bail!("{what}: not within {} s", limit.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_again_until_there_is_an_answer() {
        let mut answers = [Ok(None), Err(anyhow::anyhow!("not yet")), Ok(Some(3))].into_iter();
        assert_eq!(until("a number", Duration::from_secs(1), || answers.next().unwrap()).unwrap(), 3);
    }

    #[test]
    fn ends_with_the_last_error() {
        let error = until::<()>("a pod", INTERVAL, || bail!("no such pod")).unwrap_err();
        assert_eq!(format!("{error:#}"), "a pod: not within 0 s: no such pod");
    }
}
