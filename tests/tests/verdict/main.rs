//! What the product says is wrong, on a node where that is wrong for real.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod advice;
mod client;
mod healthy;
mod host;
mod ipv6;
mod loops;
mod lost;
mod names;
mod network;
mod nodelocal;
mod resolved;
mod scene;
mod server;
mod upstream;
mod watch;
