//! What the product says is wrong, on a node where that is wrong for real.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod healthy;
mod loops;
mod network;
mod scene;
mod server;
mod upstream;
mod watch;
