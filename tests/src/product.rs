//! The product: where its binary is, and a run of it whose output a test reads.
