//! What a rule means, for a terminal of 100 columns.

use super::Palette;
use super::palette::paint;
use crate::rules::catalogue::RULES;
use crate::rules::finding::Explanation;

/// What a page fits.
const WIDTH: usize = 100;
const INDENT: &str = "  ";
const GAP: usize = 2;

/// One rule.
#[must_use]
pub fn explanation(rule: &Explanation, palette: &Palette) -> String {
    let mut text = String::new();
    paint(&mut text, palette.bold, |text| text.push_str(rule.id));
    text.extend([" (", rule.severity.name(), ")\n"]);
    push_wrapped(&mut text, rule.title, "");
    let parts = [
        ("What it means", rule.meaning),
        ("What is seen, and how sure it is", rule.signature),
        ("What to do", rule.remedy),
        ("What makes it surer", rule.surer),
        ("Read", rule.link),
    ];
    for (head, words) in parts {
        text.push('\n');
        paint(&mut text, palette.bold, |text| text.push_str(head));
        text.push('\n');
        push_wrapped(&mut text, words, INDENT);
    }
    text
}

/// Every rule, a line each.
#[must_use]
pub fn explanations(palette: &Palette) -> String {
    let mut text = String::new();
    let rules = || RULES.iter().map(|entry| entry.explanation);
    let width = rules().map(|rule| rule.id.len()).max().unwrap_or(0) + GAP;
    for rule in rules() {
        let id = paint(&mut text, palette.bold, |text| text.push_str(rule.id));
        text.extend(std::iter::repeat_n(' ', width - id));
        text.push_str(rule.title);
        text.push('\n');
    }
    text
}

fn push_wrapped(text: &mut String, words: &str, indent: &str) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            text.push('\n');
            column = 0;
        }
        let before = if column == 0 { indent } else { " " };
        text.push_str(before);
        text.push_str(word);
        column += before.len() + width;
    }
    text.push('\n');
}
