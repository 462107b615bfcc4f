//! Capture files of every kind, made here or recorded.
