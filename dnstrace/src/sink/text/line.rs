//! One transaction on one line, or on two where lines are short: when, who asked whom, what, how it ended, how long it
//! took, which way it went.

use super::broken::Broken;
use super::outcome::{self, remarks};
use super::way::{STEP, push_way};
use super::who::WHO;
use super::{Text, end_line, push_blanks};
use crate::decode::Question;
use crate::join::Transaction;
use crate::sink::message::{asked, push_name};
use crate::sink::palette::{Painted, paint};
use crate::sink::{Numbered, Palette, iana, time};

/// `AAAA`, and most others.
const TYPE_WIDTH: usize = 5;
/// `99.9 ms` and `412 ms`.
const TIME_WIDTH: usize = 7;
/// Between parts.
const GAP: &str = "  ";
/// Below the first line of a transaction.
const INDENT: &str = "    ";

pub(super) fn write(text: &mut Text, numbered: &Numbered<Transaction>, line: &mut String) {
    let palette = text.options.palette;
    paint(line, palette.dim, |line| time::push_time_of_day(line, numbered.record.wall));
    line.push_str(GAP);
    match text.options.layout.narrow() {
        None => one_line(text, numbered, line),
        Some(columns) => below(text, numbered, columns, line),
    }
    end_line(line);
}

/// Who, what, how it ended, how long it took, which way.
fn one_line(text: &mut Text, numbered: &Numbered<Transaction>, line: &mut String) {
    let transaction = &*numbered.record;
    text.columns.who.fill(line, |line| WHO.into_iter().for_each(|push| push(line, transaction, &numbered.names.who)));
    push_question(text, transaction, line);
    let options = &text.options;
    let width = outcome::push(line, transaction, options.query_timeout, &options.palette);
    text.columns.outcome.fill_from(line, width);
    push_took(line, transaction);
    push_remarks(text, numbered, |remark| line.push_str(remark));
    paint(line, text.options.palette.dim, |line| push_way(line, &transaction.path, &numbered.names.interfaces));
}

/// What, how long it took, how it ended; below it, who and which way; each broken where a line is full.
fn below(text: &mut Text, numbered: &Numbered<Transaction>, columns: usize, line: &mut String) {
    let transaction = &*numbered.record;
    push_question(text, transaction, line);
    let mut broken = Broken::after(line, columns);
    broken.push(line, |line| push_took(line, transaction));
    let options = &text.options;
    broken.push(line, |line| {
        outcome::push(line, transaction, options.query_timeout, &options.palette);
        line.push_str(GAP);
    });
    push_remarks(text, numbered, |remark| broken.push(line, |line| line.push_str(remark)));
    end_line(line);
    line.push_str(INDENT);
    let mut broken = Broken::after(line, columns);
    for push in WHO {
        broken.push(line, |line| push(line, transaction, &numbered.names.who));
    }
    let palette = text.options.palette;
    let mut way = String::new();
    push_way(&mut way, &transaction.path, &numbered.names.interfaces);
    for (at, step) in way.split_inclusive(STEP).enumerate() {
        let gap = if at == 0 { GAP } else { "" };
        broken.push(line, |line| {
            line.push_str(gap);
            paint(line, palette.dim, |line| line.push_str(step));
        });
    }
}

/// Each remark in its style, with the gap behind it.
fn push_remarks(text: &mut Text, numbered: &Numbered<Transaction>, mut push: impl FnMut(&str)) {
    let transaction = &*numbered.record;
    let Palette { bad, warn, .. } = text.options.palette;
    for id in &numbered.names.verdict.findings {
        push(&format!("{}{GAP}", Painted(id, bad)));
    }
    for remark in remarks(transaction, &numbered.names).into_iter().chain(text.causes.remarks(transaction)) {
        push(&format!("{}{GAP}", Painted(remark, warn)));
    }
}

fn push_question(text: &mut Text, transaction: &Transaction, line: &mut String) {
    let asked = asked(transaction);
    let begin = line.len();
    match &asked {
        Some(asked) => push_type(line, transaction, asked),
        None => line.push('-'),
    }
    push_blanks(line, (TYPE_WIDTH + 1).saturating_sub(line.len() - begin).max(1));
    let width = paint(line, text.options.palette.bold, |line| match &asked {
        Some(asked) => push_name(asked, line),
        None => line.push_str("(no question)"),
    });
    text.columns.name.fill_from(line, width);
}

/// Opcode and class where they are not what nearly everything has: QUERY and IN.
fn push_type(line: &mut String, transaction: &Transaction, asked: &Question<'_>) {
    let opcode = transaction.query.as_ref().map_or(0, |query| query.header.opcode());
    if opcode != 0 {
        line.push_str(&iana::opcode(opcode.into()));
        line.push(' ');
    }
    if asked.qclass != 1 {
        line.push_str(&iana::class(asked.qclass));
        line.push(' ');
    }
    line.push_str(&iana::record_type(asked.qtype));
}

fn push_took(line: &mut String, transaction: &Transaction) {
    let begin = line.len();
    if let Some(took) = transaction.response_time {
        time::push_duration(line, took);
    }
    // To the right: what stands there moves by a few bytes.
    for _ in line[begin..].chars().count()..TIME_WIDTH {
        line.insert(begin, ' ');
    }
    line.push_str(GAP);
}
