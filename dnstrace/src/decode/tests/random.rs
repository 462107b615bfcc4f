//! Random changes of real packets.
