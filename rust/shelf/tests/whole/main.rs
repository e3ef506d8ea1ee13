//! A store, its file, and what happens to both.

#![expect(clippy::unwrap_used, reason = "a test's helper may fail like the test")]

mod answers;
mod crowd;
mod killed;
