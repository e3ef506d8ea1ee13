//! What a lane has been through.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;

use crate::error::Kind;

/// Names of models are the client's to choose, so a key keeps this many lanes and shares one beyond.
const LANES_A_KEY: usize = 256;
const OVERFLOW: &str = "*";

/// Counters of one lane. Shared by all engine threads; nothing here locks.
#[derive(Debug)]
pub struct Lane {
    /// The provider's name for the model.
    pub model: Box<str>,
    in_flight: AtomicU32,
    requests: AtomicU64,
    successes: AtomicU64,
    failures: AtomicU64,
    cancelled: AtomicU64,
    /// Index into `Kind::ALL` plus one, or 0, and the provider's status above it.
    last_failure: AtomicU64,
}

/// Why a lane failed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneFailure {
    /// What happened.
    pub kind: Kind,
    /// The provider's status; 0 where it gave none.
    pub status: u16,
}

impl Lane {
    fn new(model: &str) -> Self {
        Self {
            model: model.into(),
            in_flight: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            successes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            last_failure: AtomicU64::new(0),
        }
    }

    /// Counts an attempt in; the guard counts it out, as cancelled where nobody said how it ended.
    pub fn begin(self: &Arc<Self>) -> LaneGuard {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        LaneGuard { lane: Arc::clone(self), settled: false }
    }

    /// Attempts that have begun and not ended.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// (attempts, successes, failures, cancelled).
    pub fn counts(&self) -> (u64, u64, u64, u64) {
        (
            self.requests.load(Relaxed),
            self.successes.load(Relaxed),
            self.failures.load(Relaxed),
            self.cancelled.load(Relaxed),
        )
    }

    /// The last failure, where there was one.
    pub fn last_failure(&self) -> Option<LaneFailure> {
        let packed = self.last_failure.load(Relaxed);
        let index = usize::try_from(packed & 0xffff).ok()?.checked_sub(1)?;
        Some(LaneFailure { kind: *Kind::ALL.get(index)?, status: u16::try_from(packed >> 16).unwrap_or(0) })
    }
}

/// One running attempt on a lane.
#[derive(Debug)]
pub struct LaneGuard {
    lane: Arc<Lane>,
    settled: bool,
}

impl LaneGuard {
    /// The provider answered as it should, a client's own 4xx included.
    pub fn success(mut self) {
        self.settled = true;
        self.lane.successes.fetch_add(1, Relaxed);
    }

    /// The lane failed.
    pub fn failure(mut self, failure: LaneFailure) {
        self.settled = true;
        self.lane.failures.fetch_add(1, Relaxed);
        let index = Kind::ALL.iter().position(|&kind| kind == failure.kind).map_or(0, |at| at as u64 + 1);
        self.lane.last_failure.store(index | (u64::from(failure.status) << 16), Relaxed);
    }
}

impl Drop for LaneGuard {
    fn drop(&mut self) {
        self.lane.in_flight.fetch_sub(1, Relaxed);
        if !self.settled {
            self.lane.cancelled.fetch_add(1, Relaxed);
        }
    }
}

/// The lanes of one key, by model.
#[derive(Debug, Default)]
pub struct LaneTable {
    lanes: ArcSwap<HashMap<Box<str>, Arc<Lane>>>,
}

impl LaneTable {
    /// The lane for `model`, made at its first use.
    pub fn lane(&self, model: &str) -> Arc<Lane> {
        if let Some(lane) = self.lanes.load().get(model) {
            return Arc::clone(lane);
        }
        let full = self.lanes.load().len() >= LANES_A_KEY;
        let name = if full { OVERFLOW } else { model };
        let fresh = Arc::new(Lane::new(name));
        self.lanes.rcu(|lanes| {
            let mut lanes = HashMap::clone(lanes);
            lanes.entry(name.into()).or_insert_with(|| Arc::clone(&fresh));
            lanes
        });
        self.lanes.load().get(name).map_or(fresh, Arc::clone)
    }

    /// All lanes that have been used.
    pub fn all(&self) -> Vec<Arc<Lane>> {
        self.lanes.load().values().cloned().collect()
    }
}

/// Lane tables by the stable id of their key: what a change of configuration carries over.
#[derive(Debug, Default)]
pub struct LaneTables {
    tables: HashMap<Box<str>, Arc<LaneTable>>,
}

impl LaneTables {
    /// The table of a key, made at its first use.
    pub fn table(&mut self, key_id: &str) -> Arc<LaneTable> {
        if let Some(table) = self.tables.get(key_id) {
            return Arc::clone(table);
        }
        let table = Arc::new(LaneTable::default());
        self.tables.insert(key_id.into(), Arc::clone(&table));
        table
    }

    /// Forgets the tables of keys that are gone.
    pub fn retain(&mut self, is_used: impl Fn(&str) -> bool) {
        self.tables.retain(|id, _| is_used(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_attempt_is_cancelled_and_not_a_failure() {
        let table = LaneTable::default();
        let lane = table.lane("m");
        drop(lane.begin());
        lane.begin().success();
        let failure = LaneFailure { kind: Kind::UpstreamStatus, status: 429 };
        let running = lane.begin();
        assert_eq!(lane.in_flight(), 1);
        running.failure(failure);
        assert_eq!((lane.in_flight(), lane.counts()), (0, (3, 1, 1, 1)));
        assert_eq!(table.lane("m").last_failure(), Some(failure));
    }

    #[test]
    fn names_of_models_cannot_fill_memory() {
        let table = LaneTable::default();
        for index in 0..2 * LANES_A_KEY {
            table.lane(&format!("m{index}"));
        }
        assert_eq!(table.all().len(), LANES_A_KEY + 1);
        assert_eq!(&*table.lane("another").model, "*");
    }
}
