//! A store as what a log keeps.

use std::io;
use std::mem;
use std::sync::Arc;

use ferrogate_changelog::{BLOCK, Batch, Kept};
use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Cursor, Listed, Store};

use super::record;

/// Entries that are looked up at a time.
const LISTED: usize = 64;

/// Keys whose answers changed. Their order says nothing: what is written is what the store has then.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    cleared: bool,
    keys: Vec<Key>,
}

impl Changes {
    pub(crate) fn add(&mut self, key: &Key) {
        self.keys.push(*key);
    }

    /// Keys of before stay, to be looked at once more: a removal may have raced with a put.
    pub(crate) fn clear(&mut self) {
        self.cleared = true;
    }
}

impl Batch for Changes {
    fn weight(&self) -> usize {
        mem::size_of_val(&*self.keys)
    }

    fn merge(&mut self, later: Self) {
        self.cleared |= later.cleared;
        self.keys.extend(later.keys);
        self.keys.sort_unstable();
        self.keys.dedup();
    }
}

#[derive(Debug)]
pub(crate) struct Answers {
    store: Arc<Store>,
    limit: u64,
}

impl Answers {
    pub(crate) fn new(store: Arc<Store>, limit: u64) -> Self {
        Self { store, limit }
    }
}

impl Kept for Answers {
    type Batch = Changes;

    const THREAD: &'static str = "ferrogate-shelf";
    const MOST_WAITING: usize = 32 << 20;

    fn encode(&self, batch: &mut Changes, to: &mut Vec<u8>, lean: bool) {
        if mem::take(&mut batch.cleared) {
            record::clear(to);
        }
        while to.len() < BLOCK
            && let Some(key) = batch.keys.pop()
        {
            match self.store.peek(&key) {
                Some(Listed { entry, stored_at, .. }) if !lean => record::put(to, &key, stored_at, &entry),
                _ => record::remove(to, &key),
            }
        }
    }

    fn snapshot(&self, write: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let mut block = Vec::with_capacity(BLOCK + BLOCK / 8);
        let (mut from, mut room) = (Some(Cursor::default()), self.limit);
        while let Some(cursor) = from {
            let (listed, next) = self.store.list(cursor, LISTED);
            for Listed { key, entry, stored_at, .. } in listed {
                let before = block.len();
                record::put(&mut block, &key, stored_at, &entry);
                match room.checked_sub((block.len() - before) as u64) {
                    Some(left) => room = left,
                    None => block.truncate(before),
                }
                if block.len() >= BLOCK {
                    write(&mut block)?;
                }
            }
            from = next;
        }
        write(&mut block)
    }

    fn live_bytes(&self) -> u64 {
        (self.store.stats().bytes as u64).min(self.limit)
    }

    fn slack(&self) -> u64 {
        (self.limit / 8).clamp(64 << 10, 8 << 20)
    }

    fn most_bytes(&self) -> u64 {
        self.limit.saturating_mul(2).saturating_add(4 * self.slack())
    }
}
