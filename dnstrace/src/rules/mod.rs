//! What transactions add up to.
