//! Messages in TCP streams.
