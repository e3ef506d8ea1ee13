//! A team's own code on a request's way: what it is given, where it waits, and how long.
//!
//! The engine knows hooks by their number and their bounds. The code itself is a [`Runner`]: the binding has one that calls
//! Python, on a few threads of each hook's own, so that one that hangs holds up nobody but its own requests. An engine
//! thread only queues a [`Job`] and polls its reply.

mod facts;
mod hook;
mod job;
mod passage;
mod queue;
mod set;
#[cfg(test)]
mod tests;

pub use facts::{AnswerFacts, Facts, Kept};
pub use hook::{HookSpec, Runner};
pub use job::{Change, Input, Job, Output, Times};
pub use queue::Worker;

pub(crate) use passage::{Passage, Seen};
pub(crate) use set::Hooks;
