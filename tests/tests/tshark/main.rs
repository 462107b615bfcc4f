//! tshark beside the product's own reading, on recordings and on captures made here: the same messages at the same
//! points, in the same order, with the same content down to the data of each answer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod compare;
mod fragments;
mod generated;
mod message;
mod ours;
mod pdml;
mod presentation;
mod recorded;
mod records;
mod tcp;
mod theirs;
mod tunnels;
