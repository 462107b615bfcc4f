//! `dnstrace explain`: what a finding means.

use std::io::{self, Write};

use clap::Args;

use super::{Failure, configuration};
use crate::rules::catalogue::{RULES, explain as rule_of};
use crate::sink::{explanation, explanations};

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// Id of a finding, for example upstream-timeout [default: list all]
    #[arg(value_name = "ID")]
    id: Option<String>,
}

/// Runs it.
pub(super) fn explain(arguments: &ExplainArguments) -> Result<(), Failure> {
    let palette = configuration::palette(&io::stdout());
    let text = match &arguments.id {
        None => explanations(&palette),
        Some(id) => explanation(rule_of(id).ok_or_else(|| unknown(id))?, &palette),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::output(&error)),
        _ => Ok(()),
    }
}

fn unknown(id: &str) -> Failure {
    let words: Vec<_> = id.split('-').filter(|word| word.len() > 2).collect();
    let ids = RULES.iter().map(|entry| entry.explanation.id);
    let like: Vec<_> = ids.filter(|known| words.iter().any(|word| known.contains(word))).collect();
    let hint = if like.is_empty() { String::new() } else { format!(" did you mean {}?", like.join(" or ")) };
    Failure::Usage(format!("there is no finding {id:?};{hint} 'dnstrace explain' lists all"))
}
