//! Lines that are broken where a terminal is full, as it would break them within words. Nothing is left out.

use anstream::adapter::strip_str;

/// Where a line goes on: further in than what begins a line.
const BREAK: &str = "\n      ";

/// A line of parts, broken before one that does not fit.
pub(super) struct Broken {
    /// Of the line so far.
    width: usize,
    columns: usize,
}

impl Broken {
    /// Goes on with the last line of `text`.
    pub(super) fn after(text: &str, columns: usize) -> Self {
        let line = text.rsplit('\n').next().unwrap_or_default();
        Self { width: width(line), columns }
    }

    /// Appends what `write` appends: a part.
    pub(super) fn push(&mut self, text: &mut String, write: impl FnOnce(&mut String)) {
        let begin = text.len();
        write(text);
        let part = strip_str(&text[begin..]).to_string();
        // Blanks at the end may hang over.
        if self.width + part.trim_end().chars().count() <= self.columns || is_indentation(&text[..begin]) {
            self.width += part.chars().count();
            return;
        }
        let kept = text[..begin].trim_end_matches(' ').len();
        let blanks = text[begin..].len() - text[begin..].trim_start_matches(' ').len();
        text.replace_range(kept..begin + blanks, BREAK);
        self.width = BREAK.len() - 1 + part.trim_start_matches(' ').chars().count();
    }
}

/// A part that is longer than a line is not better off on the next.
fn is_indentation(text: &str) -> bool {
    text.rsplit('\n').next().is_some_and(|line| line.trim_start_matches(' ').is_empty())
}

/// The same lines, each that is longer than `columns` broken between words.
#[must_use]
pub fn between_words(lines: &str, columns: usize) -> String {
    let mut broken = String::with_capacity(lines.len());
    for line in lines.lines() {
        push_words(&mut broken, line, columns);
        broken.push('\n');
    }
    broken
}

fn push_words(text: &mut String, line: &str, columns: usize) {
    if width(line) <= columns {
        return text.push_str(line);
    }
    let mut broken = Broken { width: 0, columns };
    let indentation = line.len() - line.trim_start_matches(' ').len();
    broken.push(text, |text| text.push_str(&line[..indentation]));
    // A word with the blanks before it: where a line is broken, it has none.
    let mut words = &line[indentation..];
    while !words.is_empty() {
        let blanks = words.len() - words.trim_start_matches(' ').len();
        let end = words[blanks..].find(' ').map_or(words.len(), |end| blanks + end);
        broken.push(text, |text| text.push_str(&words[..end]));
        words = &words[end..];
    }
}

/// Characters without colours.
fn width(text: &str) -> usize {
    strip_str(text).map(|part| part.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts behind `begin`, in 20 columns.
    #[track_caller]
    fn check_parts(begin: &str, parts: &[&str], expected: &str) {
        let mut text = begin.to_owned();
        let mut broken = Broken::after(&text, 20);
        for part in parts {
            broken.push(&mut text, |text| text.push_str(part));
        }
        assert_eq!(text, expected);
    }

    #[test]
    fn part_that_does_not_fit_is_on_the_next_line() {
        check_parts("before\n1234567890", &["1234567890  "], "before\n12345678901234567890  ");
        check_parts(
            "1234567890  ",
            &["what does  ", "not fit  ", "or"],
            "1234567890\n      what does\n      not fit  or",
        );
        check_parts("a client", &[" → a server", " → behind"], "a client → a server\n      → behind");
    }

    #[test]
    fn colours_have_no_width() {
        check_parts("1234567890", &["\x1b[31m1234567890\x1b[0m"], "1234567890\x1b[31m1234567890\x1b[0m");
        check_parts("\x1b[1m1234567890\x1b[0m  ", &["12345678"], "\x1b[1m1234567890\x1b[0m  12345678");
    }

    #[test]
    fn part_that_fits_nowhere_leaves_no_empty_line() {
        check_parts("    ", &["1234567890123456789", "next"], "    1234567890123456789\n      next");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let check = |lines: &str, expected: &str| assert_eq!(between_words(lines, 20), expected);
        check("12345678901234567890\n\n  short\n", "12345678901234567890\n\n  short\n");
        check("    four words   that are  long\n", "    four words\n      that are  long\n");
        check("  \x1b[31mred words that go on\x1b[0m\n", "  \x1b[31mred words that go\n      on\x1b[0m\n");
        check("123456789012345678901234 word\n", "123456789012345678901234\n      word\n");
    }
}
