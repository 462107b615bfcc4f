//! What is coloured, and how; a plain palette paints nothing.

use std::fmt::{self, Display, Write};

use anstyle::{AnsiColor, Style};

/// One style for each meaning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    /// What is there for completeness: ports, times, paths.
    pub(super) dim: Style,
    /// What the eye looks for: names.
    pub(super) bold: Style,
    /// NOERROR.
    pub(super) good: Style,
    /// NXDOMAIN, truncation, retransmissions, what NAT changed.
    pub(super) warn: Style,
    /// SERVFAIL, REFUSED, no response.
    pub(super) bad: Style,
}

impl Palette {
    /// No colour.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// The sixteen colours that every terminal has, in the tones its user chose.
    #[must_use]
    pub fn coloured() -> Self {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        Self {
            dim: Style::new().dimmed(),
            bold: Style::new().bold(),
            good: colour(AnsiColor::Green),
            warn: colour(AnsiColor::Yellow),
            bad: colour(AnsiColor::Red).bold(),
        }
    }
}

/// `0` in the style `1`.
pub(super) struct Painted<T>(pub(super) T, pub(super) Style);

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:#}", self.1, self.0, self.1)
    }
}

/// Appends what `write` appends in a style; returns how many characters that is without its colours.
pub(super) fn paint(text: &mut String, style: Style, write: impl FnOnce(&mut String)) -> usize {
    // Writing to a `String` cannot fail, and a plain style writes nothing.
    if !style.is_plain() {
        let _ = write!(text, "{style}");
    }
    let begin = text.len();
    write(text);
    let width = text[begin..].chars().count();
    if !style.is_plain() {
        let _ = write!(text, "{style:#}");
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paints_nothing_and_colour_is_reset() {
        assert_eq!(Painted("x", Palette::plain().bad).to_string(), "x");
        assert_eq!(Painted("x", Palette::coloured().good).to_string(), "\x1b[32mx\x1b[0m");
        for palette in [Palette::plain(), Palette::coloured()] {
            let mut text = String::new();
            assert_eq!(paint(&mut text, palette.bad, |text| text.push('…')), 1);
            assert_eq!(text, Painted('…', palette.bad).to_string());
        }
    }
}
