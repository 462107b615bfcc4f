//! A reader with the bytes in front of it at hand.

use std::io::{self, ErrorKind, Read};

use super::FileError;

/// What is read at once: a system call for some hundred packets; many files may be open at once.
const CHUNK_LEN: usize = 64 << 10;

/// A reader and what was read of it but not consumed.
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; CHUNK_LEN], start: 0, end: 0 }
    }

    /// Reads until `length` bytes are at hand or the input ends; returns those, or fewer at the end.
    pub(super) fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        if self.end - self.start < length {
            self.fill(length)?;
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + length)])
    }

    /// The next `length` bytes; `None` at the end of the input.
    pub(super) fn need(&mut self, length: usize) -> Result<Option<&[u8]>, FileError> {
        match self.peek(length)? {
            [] => Ok(None),
            bytes if bytes.len() < length => Err(FileError::Truncated { packets: 0 }),
            bytes => Ok(Some(bytes)),
        }
    }

    /// Goes on behind the next `length` bytes, which are at hand.
    pub(super) fn consume(&mut self, length: usize) {
        self.start = self.end.min(self.start + length);
    }

    /// Whether nothing is at hand.
    pub(super) fn is_drained(&self) -> bool {
        self.start == self.end
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        while self.end < length {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
