//! One partition: vectors, the graph over them once they are many, and the locks that let searches and changes run side
//! by side.
//!
//! - `body` is read by a search for one walk or one stride of a scan, and written for one short step: a vector put or
//!   taken out, or links that were planned before. So a search waits for a writer no longer than for the walk that is
//!   under way and that step.
//! - `ledger` knows the slot of each id; only those who change the index take it, and always before `body`.
//! - `tending` is held from planning links to writing them; it is taken before the other two.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::dot::Kernel;
use crate::graph::{Graph, Pass};
use crate::rows::{Rows, State};
use crate::vector::{Refused, Vector};

mod search;
mod tend;

pub use search::Hit;

/// When the graph is used, and how thoroughly it is searched.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// Up to so many entries a partition is scanned, beyond it has a graph.
    pub scan_up_to: usize,
    /// How many candidates a walk keeps in a graph of 10,000 entries; it grows with the square root of their number.
    /// More find the nearest more often and take longer.
    pub breadth: usize,
}

impl Default for Tuning {
    /// Measured in 384 dimensions with `python -m bench.index`: a walk is as quick as a scan near 2,000 entries and 15 µs
    /// quicker at 4,000, which is little for never missing and for a graph that need not be kept. This breadth finds the
    /// nearest of 100,000 entries in more than 99 of 100 searches, the nearest of 10,000 in all but a few of 2,000.
    fn default() -> Self {
        Self { scan_up_to: 4_000, breadth: 40 }
    }
}

impl Tuning {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rough"
    )]
    fn breadth(&self, entries: usize) -> usize {
        (self.breadth as f64 * (entries as f64 / 10_000.0).sqrt()) as usize
    }
}

/// The nearest vectors of one scope, by cosine.
///
/// All methods take `&self`. Any number of threads may search while others insert and remove.
#[derive(Debug)]
pub struct Index {
    dimensions: usize,
    kernel: Kernel,
    tuning: Tuning,
    body: RwLock<Body>,
    ledger: Mutex<HashMap<u64, u32>>,
    tending: Mutex<Option<Pass>>,
}

#[derive(Debug)]
struct Body {
    rows: Rows,
    graph: Option<Graph>,
}

impl Index {
    /// An empty index for vectors of so many values.
    pub fn new(dimensions: usize, tuning: Tuning) -> Self {
        let kernel = Kernel::detect();
        Self {
            dimensions,
            kernel,
            tuning,
            body: RwLock::new(Body { rows: Rows::new(dimensions, kernel), graph: None }),
            ledger: Mutex::default(),
            tending: Mutex::default(),
        }
    }

    /// Changes how searches are done from now on. A graph that is there stays.
    pub fn retune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    /// Stores a vector under an id, in place of the one that was there. Its length does not matter, its direction does.
    pub fn insert(&self, id: u64, vector: &[f32]) -> Result<(), Refused> {
        self.put(id, &Vector::new(vector, self.dimensions)?, || ());
        Ok(())
    }

    /// Takes a vector out; whether there was one. No search that begins afterwards finds it.
    pub fn remove(&self, id: u64) -> bool {
        self.take(id, || ())
    }

    /// How many vectors can be found.
    pub fn len(&self) -> usize {
        self.ledger().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that it holds.
    pub fn bytes(&self) -> usize {
        let ledger = self.ledger().capacity() * (size_of::<(u64, u32)>() + 1);
        let body = self.body();
        size_of::<Self>() + ledger + body.rows.bytes() + body.graph.as_ref().map_or(0, Graph::bytes)
    }

    /// Calls `then` after the change, before any other change.
    pub(crate) fn put(&self, id: u64, vector: &Vector, then: impl FnOnce()) {
        let mut ledger = self.ledger();
        let mut body = self.body_mut();
        if let Some(slot) = ledger.remove(&id) {
            body.discard(slot, &mut ledger);
        }
        let slot = body.rows.put(id, vector);
        match &mut body.graph {
            Some(graph) => graph.wait(slot),
            None if ledger.len() >= self.tuning.scan_up_to => {
                body.graph = Some(Graph::awaiting(0..body.rows.slots()));
            }
            None => {}
        }
        drop(body);
        ledger.insert(id, slot);
        then();
    }

    pub(crate) fn take(&self, id: u64, then: impl FnOnce()) -> bool {
        let mut ledger = self.ledger();
        let Some(slot) = ledger.remove(&id) else { return false };
        self.body_mut().discard(slot, &mut ledger);
        if ledger.capacity() > 64 && ledger.len() * 4 < ledger.capacity() {
            ledger.shrink_to_fit();
        }
        then();
        true
    }

    /// Forgets all ids, for an index that nobody will reach any more; how many there were.
    pub(crate) fn forget(&self, then: impl FnOnce()) -> usize {
        let mut ledger = self.ledger();
        let count = ledger.len();
        ledger.clear();
        then();
        count
    }

    /// The ids of all vectors.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.ledger().keys().copied().collect()
    }

    /// The vector of an id, at length 1, appended to `to`; whether there is one.
    pub(crate) fn copy(&self, id: u64, to: &mut Vec<f32>) -> bool {
        let ledger = self.ledger();
        let slot = ledger.get(&id);
        if let Some(slot) = slot {
            to.extend_from_slice(self.body().rows.unit(*slot));
        }
        slot.is_some()
    }

    fn ledger(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn body(&self) -> RwLockReadGuard<'_, Body> {
        self.body.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn body_mut(&self) -> RwLockWriteGuard<'_, Body> {
        self.body.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body {
    /// Takes a vector out whose id the ledger has let go of.
    fn discard(&mut self, slot: u32, ledger: &mut HashMap<u64, u32>) {
        let Some(graph) = &mut self.graph else {
            if let Some(moved) = self.rows.close_gap(slot) {
                ledger.insert(moved, slot);
            }
            return;
        };
        if self.rows.state(slot) == State::Linked {
            self.rows.set_state(slot, State::Dead);
            graph.bury(slot);
        } else {
            self.rows.set_state(slot, State::Lost);
        }
    }
}

#[cfg(test)]
mod tests;
