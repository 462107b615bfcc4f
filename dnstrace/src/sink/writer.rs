//! The other end of the channel: items to bytes on standard output.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use super::{Item, Json, Text, text};

/// Written at once when more is waiting: a system call for each line would halve what a pipe can take.
const BATCH_BYTES: usize = 64 * 1024;

/// How items are written.
#[derive(Debug)]
pub enum Format {
    /// For people.
    Text(Box<Text>),
    /// For machines.
    Json(Json),
}

impl Format {
    /// Appends one item to `out`.
    pub fn write(&mut self, item: &Item, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Text(text) => {
                text.write(item, out);
                Ok(())
            }
            Self::Json(json) => json.write(item, out),
        }
    }
}

/// Writes items until the channel ends. What has come is on its way out before the next is waited for. Losses, which
/// text has no line for, are told by `say`.
pub fn write_all(
    items: &Receiver<Item>,
    format: &mut Format,
    out: &mut impl Write,
    say: impl Fn(&str),
) -> io::Result<()> {
    let mut write = |item: &Item, batch: &mut Vec<u8>| {
        if let (Format::Text(_), Item::Lost(lost)) = (&format, item) {
            say(&text::lost(lost));
        }
        format.write(item, batch)
    };
    let mut batch = Vec::with_capacity(BATCH_BYTES);
    while let Ok(item) = items.recv() {
        write(&item, &mut batch)?;
        while batch.len() < BATCH_BYTES {
            let Ok(item) = items.try_recv() else { break };
            write(&item, &mut batch)?;
        }
        out.write_all(&batch)?;
        out.flush()?;
        batch.clear();
    }
    Ok(())
}
