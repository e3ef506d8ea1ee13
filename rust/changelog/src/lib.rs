//! A log of changes on disk, by which what is in memory outlives the process.
//!
//! What counts is in memory ([`Kept`]); the log is how a later process gets it back. Changes are handed to a thread, which
//! writes them a few times a second; nobody waits for a file. A crash takes away what was changed in the last second,
//! never what was written before. When most of the log no longer counts, and when it lacks something, it is written anew
//! from memory while changes go on. So a disk that refuses costs nothing but the log, which is tried again later.
//!
//! A log is opened in two steps: [`Reading`] hands over its records, then [`Changelog::start`] goes on behind them. What a
//! record looks like is the caller's: [`Span`] says where one ends. One process at a time has a log open; another one gets
//! an error of the kind [`std::io::ErrorKind::ResourceBusy`].

mod changelog;
mod disk;
mod keeper;
mod lock;
mod pending;
mod reading;
#[cfg(test)]
mod tests;

pub use changelog::{Changelog, Status};
pub use reading::{Reading, Scanned, Span};

/// Bytes that are written at once.
pub const BLOCK: usize = 1 << 20;

/// What is in memory, and how it is written.
pub trait Kept: Send + Sync + 'static {
    /// Changes on their way to the disk.
    type Batch: Batch;

    /// The name of the thread that writes.
    const THREAD: &'static str;

    /// Waiting changes that weigh more than this are let go, and the log is written anew from memory.
    const MOST_WAITING: usize;

    /// Moves changes from the batch, the oldest first, as records to the end of `to`, until it holds about a [`BLOCK`]
    /// or no change is left. Where `lean` is set the log is too long: what was changed may then be left out, so that
    /// only what takes something back is written.
    fn encode(&self, batch: &mut Self::Batch, to: &mut Vec<u8>, lean: bool);

    /// Hands over records of everything, about a [`BLOCK`] at a time, to `write`, which empties it. Changes go on
    /// meanwhile, and are written behind what was handed over before they were made.
    fn snapshot(&self, write: &mut dyn FnMut(&mut Vec<u8>) -> std::io::Result<()>) -> std::io::Result<()>;

    /// About how many bytes a snapshot has.
    fn live_bytes(&self) -> u64;

    /// So much of the log may be of no use before it is written anew, beside as much as is of use.
    fn slack(&self) -> u64 {
        8 << 20
    }

    /// A longer log takes lean records only.
    fn most_bytes(&self) -> u64 {
        u64::MAX
    }

    /// Does some work in the background, between writes; whether there is more.
    fn tend(&self) -> bool {
        false
    }
}

/// Changes that wait, in order.
pub trait Batch: Default + Send + 'static {
    /// Bytes of memory that they hold.
    fn weight(&self) -> usize;

    /// Puts later ones behind them.
    fn merge(&mut self, later: Self);
}

/// Changes that are records already.
impl Batch for Vec<u8> {
    fn weight(&self) -> usize {
        self.len()
    }

    fn merge(&mut self, mut later: Self) {
        if self.is_empty() {
            *self = later;
        } else {
            self.append(&mut later);
        }
    }
}
