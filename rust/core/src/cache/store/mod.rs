//! Answers in memory, bounded in bytes and in age.
//!
//! Which answers stay is decided by W-TinyLFU (`shard`): an answer that is asked for once, as most are, does not push out
//! one that is asked for again and again. It is of our own making because time has to be an argument, ages exact, what
//! an entry costs beside its body counted, and a list of entries possible while others are served; the crates that come
//! near read a clock of their own or know nothing of age.
//!
//! Keys are spread over shards, each behind a lock that is held for a lookup and a few links, never for a copy of a
//! body, a drop, or a walk over all entries. Times are milliseconds of one clock of the caller's; where entries outlive
//! the process it is Unix time.

mod entry;
mod lists;
mod shard;
mod sketch;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

pub use entry::{Entry, Hit, Listed, Question, Shape, State, Stats};
use shard::{Gone, Shard};

use super::key::Key;

/// Milliseconds for which the caller that was told to fetch an answer anew is trusted to do it.
pub const REVALIDATION: u64 = 30_000;

/// Entries that one look under a lock takes in.
const BATCH: usize = 64;

/// The most shards, and the fewest bytes of one.
const SHARDS: usize = 16;
const SHARD_BYTES: usize = 8 << 20;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of all entries, what they cost beside their bodies included.
    pub bytes: usize,
    /// Milliseconds for which an answer past its TTL is served while it is fetched anew; 0: never.
    pub stale: u64,
}

/// Where a list goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    shard: usize,
    place: usize,
}

impl Cursor {
    /// Reads what its `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (shard, place) = text.split_once('.')?;
        Some(Self { shard: shard.parse().ok()?, place: place.parse().ok()? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.shard, self.place)
    }
}

/// The answers.
#[derive(Debug)]
pub struct Store {
    shards: Box<[Mutex<Shard>]>,
}

impl Store {
    /// An empty one.
    pub fn new(settings: &Settings) -> Self {
        let shards = (settings.bytes / SHARD_BYTES).clamp(1, SHARDS);
        // The highest power of two that is not more.
        let shards = 1 << shards.ilog2();
        let shard = || Mutex::new(Shard::new(settings, settings.bytes / shards));
        Self { shards: (0..shards).map(|_| shard()).collect() }
    }

    /// Finds an answer that is not older than its TTL, or not much where stale ones are served.
    pub fn get(&self, key: &Key, now: u64) -> Option<Hit> {
        self.get_within(key, now, u64::MAX)
    }

    /// The same for a client that takes no answer older than `max_age` milliseconds.
    pub fn get_within(&self, key: &Key, now: u64, max_age: u64) -> Option<Hit> {
        let mut gone = Gone::new();
        self.shard(key).get(key, now, max_age, &mut gone)
    }

    /// Looks at an entry without counting it as asked for, of whatever age.
    pub fn peek(&self, key: &Key) -> Option<Listed> {
        self.shard(key).peek(key)
    }

    /// Stores an answer, in the place of the one that was there. The body is copied where it may be a slice of a
    /// larger buffer, which it would keep. False where it is too large to be kept.
    pub fn put(&self, key: &Key, entry: Entry, now: u64) -> bool {
        let entry = Arc::new(Entry { body: Bytes::copy_from_slice(&entry.body), ..entry });
        let mut gone = Gone::new();
        self.shard(key).put(key, entry, now, &mut gone)
    }

    /// Removes an answer; false where there is none.
    pub fn remove(&self, key: &Key) -> bool {
        let mut gone = Gone::new();
        self.shard(key).remove(key, &mut gone)
    }

    /// Removes all that a filter names, and says how many they were. Others go on meanwhile; what they put may stay.
    pub fn purge(&self, mut filter: impl FnMut(&Listed) -> bool) -> usize {
        let mut removed = 0;
        let mut from = Some(Cursor::default());
        while let Some(cursor) = from {
            let (listed, next) = self.batch(cursor);
            for item in listed {
                if filter(&item) {
                    removed += usize::from(self.remove(&item.key));
                }
            }
            from = next;
        }
        removed
    }

    /// Removes what nobody may be given any more. It would go by and by without this.
    pub fn expire(&self, now: u64) {
        for shard in &self.shards {
            let mut place = 0;
            loop {
                let mut gone = Gone::new();
                let mut shard = lock(shard);
                let end = shard.places().min(place + BATCH);
                (place..end).for_each(|place| shard.expire(place, now, &mut gone));
                if end == shard.places() {
                    break;
                }
                drop(shard);
                place = end;
            }
        }
    }

    /// At least `count` entries from a place on, in no order, where there are as many, and where the list goes on.
    pub fn list(&self, from: Cursor, count: usize) -> (Vec<Listed>, Option<Cursor>) {
        let (mut listed, mut next) = (Vec::new(), Some(from));
        while listed.len() < count
            && let Some(from) = next
        {
            let (more, behind) = self.batch(from);
            listed.extend(more);
            next = behind;
        }
        (listed, next)
    }

    /// What is there, and what happened.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for shard in &self.shards {
            let part = lock(shard).stats();
            stats.add(&part);
        }
        stats
    }

    fn batch(&self, from: Cursor) -> (Vec<Listed>, Option<Cursor>) {
        let Some(shard) = self.shards.get(from.shard) else { return (Vec::new(), None) };
        let shard = lock(shard);
        let end = shard.places().min(from.place + BATCH);
        let listed = (from.place..end).filter_map(|place| shard.listed(place)).collect();
        let next = if end < shard.places() {
            Cursor { place: end, ..from }
        } else {
            Cursor { shard: from.shard + 1, place: 0 }
        };
        (listed, (next.shard < self.shards.len()).then_some(next))
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        // The first bytes are the index's.
        let number = usize::from(key.as_bytes()[31]) & (self.shards.len() - 1);
        lock(&self.shards[number])
    }
}

/// Nothing in here leaves a shard half changed where it panics, short of running out of memory.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
