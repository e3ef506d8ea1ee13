//! The ASGI door: requests handed in by Python, completions drained by one event loop.
//!
//! One wake-up of the file descriptor drains many completions, and all chunks of a stream that have arrived leave
//! together. Back-pressure is by asking: the next chunk is delivered when the last one was sent.

mod fed;
mod inbox;
mod job;
mod signal;
mod slot;

pub(crate) use fed::Fed;
pub(crate) use inbox::Calls;
pub use inbox::{Completion, Inbox, Kind, Submission};
pub(crate) use job::Job;
