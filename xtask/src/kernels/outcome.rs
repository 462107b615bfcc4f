//! What one kernel's self-test said, and the table of all.

/// One line of the report.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    name: String,
    /// Why it failed.
    failure: Option<String>,
}

/// The self-test on one kernel.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    kernel: String,
    checks: Vec<Check>,
    /// Verified instructions of each program, where the kernel tells them (since 5.16).
    instructions: Vec<(String, String)>,
    seconds: String,
    finished: bool,
}

impl Outcome {
    /// Reads the lines of the self-test: `kernel RELEASE`, `check NAME ok`, `check NAME FAIL reason`,
    /// `insns PROGRAM N`, `end SECONDS`.
    pub(super) fn read(lines: &[String]) -> Self {
        let mut outcome = Self::default();
        for line in lines {
            outcome.add(line);
        }
        outcome
    }

    fn add(&mut self, line: &str) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["kernel", release] => release.clone_into(&mut self.kernel),
            ["check", name, "ok"] => self.checks.push(Check { name: name.to_owned(), failure: None }),
            ["check", name, "FAIL", reason] => {
                self.checks.push(Check { name: name.to_owned(), failure: Some(reason.to_owned()) });
            }
            ["insns", program, count] => self.instructions.push((program.to_owned(), count.to_owned())),
            ["end", seconds] => {
                seconds.clone_into(&mut self.seconds);
                self.finished = true;
            }
            _ => self.checks.push(Check { name: "report".into(), failure: Some(format!("unknown line: {line}")) }),
        }
    }

    /// Whether the self-test came to its end, checked something, and nothing failed.
    pub(super) fn passed(&self) -> bool {
        self.finished && !self.checks.is_empty() && self.failures().next().is_none()
    }

    fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| Some((check.name.as_str(), check.failure.as_deref()?)))
    }

    /// One row of the table: kernel, checks, instructions, time; then a line for each failure.
    pub(super) fn row(&self, series: &str) -> String {
        let good = self.checks.len() - self.failures().count();
        let instructions: Vec<_> = self.instructions.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let instructions = if instructions.is_empty() { "not told".to_owned() } else { instructions.join(", ") };
        let (kernel, all, seconds) = (&self.kernel, self.checks.len(), &self.seconds);
        let row = format!("{series:<6} {kernel:<30} {good:>3} of {all:<3} {seconds:>6}  {instructions}");
        let failures = self.failures().map(|(name, reason)| format!("FAIL {name}: {reason}"));
        let unfinished = (!self.finished).then(|| "FAIL: the self-test did not come to its end".to_owned());
        std::iter::once(row).chain(failures).chain(unfinished).collect::<Vec<_>>().join("\n       ")
    }
}

/// The heads of [`Outcome::row`]'s columns.
pub(super) fn heads() -> String {
    format!("{:<6} {:<30} {:<10} {:>6}  {}", "series", "kernel", "checks ok", "s", "verified instructions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(lines: &[&str]) -> Outcome {
        Outcome::read(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_check_ok_and_the_end_is_a_pass() {
        assert!(outcome(&["kernel 6.1", "check start ok", "insns device 300", "end 4.2"]).passed());
    }

    #[test]
    fn no_end_no_checks_or_a_failure_is_no_pass() {
        assert!(!outcome(&["kernel 6.1", "check start ok"]).passed());
        assert!(!outcome(&["kernel 6.1", "end 4.2"]).passed());
        let failed = outcome(&["kernel 6.1", "check start FAIL no such thing", "end 4.2"]);
        assert!(!failed.passed());
        assert!(failed.row("6.1").contains("FAIL start: no such thing"));
    }

    #[test]
    fn a_line_that_is_not_understood_is_a_failure() {
        assert!(!outcome(&["check start ok", "chekc end ok", "end 1.0"]).passed());
    }
}
