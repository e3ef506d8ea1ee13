//! Kept answers that outlive the process: what is in a [`Store`] is in a file too, at most about a second later.
//!
//! The store is what counts. Whoever changed it says which key ([`Shelf::changed`]), and a thread of the shelf looks at the
//! store and writes what it has there by then, or that it has nothing. So it makes no difference in which order several
//! threads say so, what waits for the disk is keys and no answers, and an answer that is pushed out at once is never
//! written. How the file is written, and what a crash or a disk that refuses does, is told in [`ferrogate_changelog`].
//!
//! ```
//! # use std::sync::Arc;
//! # use ferrogate_core::cache::{key::Key, store};
//! # use ferrogate_shelf::{Settings, Shelf};
//! # let folder = std::env::temp_dir().join(format!("ferrogate-shelf-doc-{}", std::process::id()));
//! # let path = folder.join("answers.log");
//! # let now = 1_700_000_000_000;
//! let store = Arc::new(store::Store::new(&store::Settings { bytes: 64 << 20, stale: 0 }));
//! let settings = Settings { limit_bytes: 64 << 20, stale: 0, now };
//! let (shelf, opened) = Shelf::open(&path, &settings, Arc::clone(&store), |_key, _entry, _stored_at| true)?;
//! assert_eq!(opened.entries, store.stats().entries);
//! # let key = Key::from_bytes([1; 32]);
//! store.remove(&key);
//! shelf.changed(&key);
//! shelf.flush()?;
//! # drop(shelf);
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod answers;
mod fields;
mod load;
mod record;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;

use ferrogate_changelog::Changelog;
use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Entry, Store};

use answers::Answers;
pub use ferrogate_changelog::Status;
pub use load::Opened;

/// How much is kept, and what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes that the answers in the file may have. The file itself grows to about twice as much before it is written
    /// anew, and meanwhile the new one stands beside it.
    pub limit_bytes: u64,
    /// The longest time, in milliseconds, for which an answer is served past its TTL.
    pub stale: u64,
    /// The Unix time in milliseconds at which the file is read.
    pub now: u64,
}

impl Settings {
    /// An answer from the future is of unknown age, because the clock was set back.
    fn may_serve(&self, stored_at: u64, ttl: u64) -> bool {
        self.now.checked_sub(stored_at).is_some_and(|age| age < ttl.saturating_add(self.stale))
    }
}

/// The file behind a store. Dropping it writes what is left.
#[derive(Debug)]
pub struct Shelf {
    log: Changelog<Answers>,
}

impl Shelf {
    /// Reads a file into a store, or begins one with its folder, and starts the thread that writes it. `each` sees every
    /// answer, with the time at which it was stored, before the store gets it: each key once, in the order in which they were
    /// written. Where it says false the answer is neither read nor kept any longer.
    ///
    /// Where another process has the file open the error is [`io::ErrorKind::ResourceBusy`], and the store is as it was. It
    /// may be tried again when the store is in use: what is there stays where it is no older than the file's, and gets
    /// into the file. The file knows nothing of what was purged before; that is for `each` to say.
    pub fn open(
        path: &Path,
        settings: &Settings,
        store: Arc<Store>,
        each: impl FnMut(&Key, &Entry, u64) -> bool,
    ) -> io::Result<(Self, Opened)> {
        let before = store.stats().entries;
        let (reading, opened) = load::load(path, settings, &store, each)?;
        let in_use = before > 0 || store.stats().entries > opened.entries;
        let answers = Arc::new(Answers::new(store, settings.limit_bytes));
        let renew = in_use || opened.damaged > 0 || opened.left_out + opened.refused > 0;
        Ok((Self { log: Changelog::start(reading, answers, renew)? }, opened))
    }

    /// Says that the store has another answer for a key, or none any more. To be called after the store was changed.
    /// Nothing needs to be said of answers that the store itself let go: in the file they are until it is written anew.
    pub fn changed(&self, key: &Key) {
        self.log.add(|changes| changes.add(key));
    }

    /// Says that the store was emptied. To be called after that; what came in meanwhile stays.
    pub fn cleared(&self) {
        self.log.add(answers::Changes::clear);
    }

    /// Waits until all that was said before is on the disk. Where the disk refused it is tried again later.
    pub fn flush(&self) -> io::Result<()> {
        self.log.flush()
    }

    /// How the file fares.
    pub fn status(&self) -> Status {
        self.log.status()
    }
}
