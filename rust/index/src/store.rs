//! Partitions that outlive the process: every change is appended to one log, which is read at start.
//!
//! Changes are made in memory and handed to a thread, which writes them to the disk a few times a second; nobody waits
//! for a file. A crash takes away what was changed in the last second, never what was written before. The log holds
//! vectors only: what a vector stands for is the caller's, who passes over ids that it does not know.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ferrogate_changelog::{BLOCK, Changelog, Kept};

use crate::index::{Hit, Tuning};
use crate::partitions::{Partitions, Scope};
use crate::vector::{Refused, Vector};

mod load;
mod record;
#[cfg(test)]
mod tests;

pub use load::Opened;

/// Steps of tending between two looks at the clock.
const STEPS: usize = 32;

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

/// [`Partitions`] with a log. Dropping it writes what is left.
#[derive(Debug)]
pub struct Store {
    partitions: Arc<Partitions>,
    log: Changelog<Partitions>,
}

impl Kept for Partitions {
    type Batch = Vec<u8>;

    const THREAD: &'static str = "ferrogate-index";
    const MOST_WAITING: usize = 64 << 20;

    fn encode(&self, batch: &mut Vec<u8>, to: &mut Vec<u8>, _lean: bool) {
        to.append(batch);
    }

    fn snapshot(&self, write: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let mut block = Vec::with_capacity(BLOCK + BLOCK / 8);
        let mut unit = Vec::new();
        for (scope, index) in self.all() {
            for id in index.ids() {
                unit.clear();
                if index.copy(id, &mut unit) {
                    record::insert(&mut block, &scope, id, &unit);
                }
                if block.len() >= BLOCK {
                    write(&mut block)?;
                }
            }
        }
        write(&mut block)
    }

    fn live_bytes(&self) -> u64 {
        (self.len() * (record::PREFIX + 4 * self.dimensions())) as u64
    }

    fn tend(&self) -> bool {
        Self::tend(self, STEPS)
    }
}

impl Store {
    /// Reads a log, or begins one, and starts the thread that writes it. Large partitions are searched by scanning until
    /// their graph is built anew, which begins at once in the background. One process may have a log open at a time;
    /// another one gets [`io::ErrorKind::ResourceBusy`].
    pub fn open(path: &Path, model: &Model, tuning: Tuning) -> io::Result<(Self, Opened)> {
        let (reading, partitions, opened) = load::load(path, model, tuning)?;
        let partitions = Arc::new(partitions);
        let log = Changelog::start(reading, Arc::clone(&partitions), opened.damaged > 0)?;
        Ok((Self { partitions, log }, opened))
    }

    /// Stores a vector in a scope, in place of the one that had its id.
    pub fn insert(&self, scope: &Scope, id: u64, vector: &[f32]) -> Result<(), Refused> {
        let Self { partitions, log } = self;
        let vector = Vector::new(vector, partitions.dimensions())?;
        partitions.put(scope, id, &vector, || {
            log.add(|to| record::insert(to, scope, id, &vector.unit));
        });
        Ok(())
    }

    /// Takes a vector out of a scope; whether there was one.
    pub fn remove(&self, scope: &Scope, id: u64) -> bool {
        let Self { partitions, log } = self;
        partitions.take(scope, id, || log.add(|to| record::remove(to, scope, id)))
    }

    /// Takes all vectors of a scope out; how many there were.
    pub fn clear(&self, scope: &Scope) -> usize {
        let Self { partitions, log } = self;
        partitions.drop_scope(scope, || log.add(|to| record::clear(to, scope)))
    }

    /// The up to `k` nearest vectors of a scope, as [`crate::Index::search`] says.
    pub fn search(
        &self,
        scope: &Scope,
        query: &[f32],
        k: usize,
        filter: impl Fn(u64) -> bool,
    ) -> Result<Vec<Hit>, Refused> {
        self.partitions.search(scope, query, k, filter)
    }

    /// How many vectors all scopes hold.
    pub fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Whether no scope holds any.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// How many scopes hold vectors.
    pub fn scopes(&self) -> usize {
        self.partitions.scopes()
    }

    /// The scope and the id of every vector, in no order: what a log holds is the caller's to know.
    pub fn ids(&self) -> Vec<(Scope, u64)> {
        self.partitions.ids()
    }

    /// The memory that the vectors and what leads to them hold.
    pub fn bytes(&self) -> usize {
        self.partitions.bytes()
    }

    /// Whether all that changed is in the graphs. Searches are right before, and slower.
    pub fn settled(&self) -> bool {
        self.partitions.settled()
    }

    /// Waits until all changes made before are on the disk. Where the disk refused them they are tried again later.
    pub fn flush(&self) -> io::Result<()> {
        self.log.flush()
    }
}
