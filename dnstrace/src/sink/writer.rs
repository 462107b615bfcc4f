//! The other end of the channel: batches of items to bytes on standard output.

use std::io::{self, Write};

use super::batches::{Batch, WriterEnd};
use super::{Item, Json, Text, text};

/// Written at once when more is waiting: a system call for each line would halve what a pipe can take.
const OUTPUT_BYTES: usize = 64 * 1024;

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
pub fn write_all(end: &WriterEnd, format: &mut Format, out: &mut impl Write, say: impl Fn(&str)) -> io::Result<()> {
    let mut write = |batch: Batch, output: &mut Vec<u8>| {
        batch.iter().try_for_each(|item| {
            if let (Format::Text(_), Item::Lost(lost)) = (&format, item) {
                say(&text::lost(lost));
            }
            format.write(item, output)
        })?;
        // Nobody takes it back any more where the pipeline has ended.
        let _ = end.written.try_send(batch);
        Ok::<_, io::Error>(())
    };
    let mut output = Vec::with_capacity(OUTPUT_BYTES);
    while let Ok(batch) = end.batches.recv() {
        write(batch, &mut output)?;
        while output.len() < OUTPUT_BYTES {
            let Ok(batch) = end.batches.try_recv() else { break };
            write(batch, &mut output)?;
        }
        out.write_all(&output)?;
        out.flush()?;
        output.clear();
    }
    Ok(())
}
