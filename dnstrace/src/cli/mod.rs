//! Arguments to checked configuration, one file per command.

pub mod doctor;
