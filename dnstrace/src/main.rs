//! Command line of dnstrace.

fn main() {}
