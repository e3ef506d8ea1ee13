//! From a folder to vectors.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on may panic, and so may what helps it"
)]

mod allocations;
mod minilm;
mod model;
mod tiny;
