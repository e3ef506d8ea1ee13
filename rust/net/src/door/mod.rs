//! The ASGI door: requests handed in by Python, completions drained by one event loop.
//!
//! One wake-up of the file descriptor drains many completions, and all chunks of a stream that have arrived leave
//! together. Back-pressure is by asking: the next chunk is delivered when the last one was sent.
//!
//! The requests run on engine threads, or on the event loop's own thread, which costs less a request.

mod bell;
mod fed;
mod home;
mod inbox;
mod job;
mod message;
mod signal;
mod slot;

pub(crate) use bell::Bell;
pub(crate) use fed::Fed;
pub(crate) use home::{Address, vacate};
pub(crate) use inbox::Calls;
pub use inbox::{Completion, Inbox, Kind, Submission};
pub(crate) use job::Job;
