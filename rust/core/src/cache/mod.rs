//! What decides whether an answer may be served again.

pub mod guard;
