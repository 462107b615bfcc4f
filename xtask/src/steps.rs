//! Steps of a check or a test run: each is tried, whatever became of those before it, and the end says all.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

/// What became of the steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    passed: u32,
    failed: u32,
    skipped: u32,
    failures: Vec<String>,
}

/// What a test run printed of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Steps {
    /// Runs a step that passes or fails as a whole.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> Result<()>) {
        let result = timed(name, run);
        match result {
            Ok(()) => self.passed += 1,
            Err(error) => {
                self.failed += 1;
                self.fail(name, &error);
            }
        }
    }

    /// Runs a command that runs tests, and counts them.
    pub(crate) fn tests(&mut self, name: &str, tests: &mut Command) {
        let mut tally = Tally::default();
        let result = timed(name, || watch(tests, &mut tally));
        self.passed += tally.passed;
        self.failed += tally.failed;
        self.skipped += tally.skipped;
        if let Err(error) = result {
            // What does not even build counts as one.
            self.failed += u32::from(tally.failed == 0);
            self.fail(name, &error);
        }
    }

    /// Says what failed, and how many passed.
    pub(crate) fn end(self) -> Result<()> {
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        if self.failed > 0 {
            bail!("{} failed", self.failed);
        }
        Ok(())
    }

    fn fail(&mut self, name: &str, error: &anyhow::Error) {
        println!("FAILED {name}: {error:#}");
        self.failures.push(name.to_owned());
    }
}

fn timed<T>(name: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    #[expect(clippy::disallowed_methods, reason = "a person wants to know where the minutes went")]
    let start = Instant::now();
    let result = run();
    println!("    {name}: {} s", start.elapsed().as_secs());
    result
}

fn watch(tests: &mut Command, tally: &mut Tally) -> Result<()> {
    let mut child = tests.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let stdout = child.stdout.take().context("no stdout of cargo")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        tally.add(&line);
        println!("{line}");
    }
    let status = child.wait()?;
    ensure!(status.success(), "{status}");
    Ok(())
}

impl Tally {
    /// Reads `test result: ok. 3 passed; 0 failed; 0 ignored; ...` and `SKIP part: reason`.
    fn add(&mut self, line: &str) {
        if line.contains("SKIP ") {
            self.skipped += 1;
        }
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.skipped += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.86s",
            "SKIP kernel: loading eBPF needs root",
        ] {
            tally.add(line);
        }
        assert_eq!(tally, Tally { passed: 10, failed: 2, skipped: 2 });
    }
}
