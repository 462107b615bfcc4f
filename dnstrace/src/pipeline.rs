//! The only file where stages meet.
