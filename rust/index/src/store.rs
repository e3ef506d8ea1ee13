//! Partitions that outlive the process: every change is appended to one log, which is read at start.
//!
//! Changes are made in memory and handed to a thread, which writes them to the disk a few times a second; nobody waits
//! for a file. A crash takes away what was changed in the last second, never what was written before. The log holds
//! vectors only: what a vector stands for is the caller's, who passes over ids that it does not know.
//!
//! One process may have a log open at a time; the caller sees to that.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::index::{Hit, Tuning};
use crate::partitions::{Partitions, Scope};
use crate::vector::{Refused, Vector};

mod disk;
mod keeper;
mod load;
mod pending;
mod record;
#[cfg(test)]
mod tests;

pub use load::Opened;

/// What made the vectors. Those of one model say nothing beside those of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name, of which the first 1,024 bytes count.
    pub name: String,
    /// The sha256 of its file, or whatever else changes when its vectors do.
    pub sha256: [u8; 32],
    /// Values of a vector.
    pub dimensions: usize,
}

/// [`Partitions`] with a log.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    partitions: Partitions,
    pending: pending::Pending,
}

impl Shared {
    fn live_bytes(&self) -> u64 {
        (self.partitions.len() * (record::PREFIX + 4 * self.partitions.dimensions())) as u64
    }
}

impl Store {
    /// Reads a log, or begins one, and starts the thread that writes it. Large partitions are searched by scanning until
    /// their graph is built anew, which begins at once in the background.
    pub fn open(path: &Path, model: &Model, tuning: Tuning) -> io::Result<(Self, Opened)> {
        let (log, partitions, opened) = load::load(path, model, tuning)?;
        let shared = Arc::new(Shared { partitions, pending: pending::Pending::default() });
        let renew = opened.damaged > 0;
        let keeper =
            keeper::Keeper::new(Arc::clone(&shared), path.to_owned(), record::head(model), log, renew);
        let keeper = Builder::new().name("ferrogate-index".to_owned()).spawn(move || keeper.run())?;
        Ok((Self { shared, keeper: Some(keeper) }, opened))
    }

    /// Stores a vector in a scope, in place of the one that had its id.
    pub fn insert(&self, scope: &Scope, id: u64, vector: &[f32]) -> Result<(), Refused> {
        let Shared { partitions, pending } = &*self.shared;
        let vector = Vector::new(vector, partitions.dimensions())?;
        partitions.put(scope, id, &vector, || {
            pending.add(|to| record::insert(to, scope, id, &vector.unit));
        });
        Ok(())
    }

    /// Takes a vector out of a scope; whether there was one.
    pub fn remove(&self, scope: &Scope, id: u64) -> bool {
        let Shared { partitions, pending } = &*self.shared;
        partitions.take(scope, id, || pending.add(|to| record::remove(to, scope, id)))
    }

    /// Takes all vectors of a scope out; how many there were.
    pub fn clear(&self, scope: &Scope) -> usize {
        let Shared { partitions, pending } = &*self.shared;
        partitions.drop_scope(scope, || pending.add(|to| record::clear(to, scope)))
    }

    /// The up to `k` nearest vectors of a scope, as [`crate::Index::search`] says.
    pub fn search(
        &self,
        scope: &Scope,
        query: &[f32],
        k: usize,
        filter: impl Fn(u64) -> bool,
    ) -> Result<Vec<Hit>, Refused> {
        self.shared.partitions.search(scope, query, k, filter)
    }

    /// How many vectors all scopes hold.
    pub fn len(&self) -> usize {
        self.shared.partitions.len()
    }

    /// Whether no scope holds any.
    pub fn is_empty(&self) -> bool {
        self.shared.partitions.is_empty()
    }

    /// How many scopes hold vectors.
    pub fn scopes(&self) -> usize {
        self.shared.partitions.scopes()
    }

    /// The memory that the vectors and what leads to them hold.
    pub fn bytes(&self) -> usize {
        self.shared.partitions.bytes()
    }

    /// Whether all that changed is in the graphs. Searches are right before, and slower.
    pub fn settled(&self) -> bool {
        self.shared.partitions.settled()
    }

    /// Waits until all changes made before are on the disk. Where the disk refused them they are tried again later.
    pub fn flush(&self) -> io::Result<()> {
        self.shared.pending.flush().map_err(io::Error::other)
    }
}

impl Drop for Store {
    /// Writes what is left.
    fn drop(&mut self) {
        self.shared.pending.stop();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}
