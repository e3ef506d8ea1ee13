//! Lanes by key and model: what a change of configuration carries over.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::dice::mix;
use super::key::KeyHealth;
use super::lane::Lane;

/// Names of models are the client's to choose, so a key keeps this many lanes and shares one beyond.
const LANES_A_KEY: usize = 256;
const OVERFLOW: &str = "*";

/// The lanes of one key, by model.
#[derive(Debug, Default)]
pub struct LaneTable {
    id: u64,
    key: Arc<KeyHealth>,
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
        let id = mix(self.id ^ hash(name.as_bytes()));
        let fresh = Arc::new(Lane::new(name, id, Arc::clone(&self.key)));
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

    /// What they share.
    pub fn key(&self) -> &KeyHealth {
        &self.key
    }
}

/// Lane tables by the stable id of their key.
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
        let table = Arc::new(LaneTable { id: hash(key_id.as_bytes()), ..LaneTable::default() });
        self.tables.insert(key_id.into(), Arc::clone(&table));
        table
    }

    /// Forgets the tables of keys that are gone.
    pub fn retain(&mut self, is_used: impl Fn(&str) -> bool) {
        self.tables.retain(|id, _| is_used(id));
    }
}

/// Tells one value from another; it is kept in memory only.
pub fn fingerprint(value: &[u8]) -> u64 {
    hash(value)
}

/// FNV-1a: the same in every process, which std's hasher does not promise.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_cannot_fill_memory() {
        let table = LaneTable::default();
        for index in 0..2 * LANES_A_KEY {
            table.lane(&format!("m{index}"));
        }
        assert_eq!(table.all().len(), LANES_A_KEY + 1);
        assert_eq!(&*table.lane("another").model, "*");
    }

    #[test]
    fn a_refused_key_takes_all_its_lanes_out_until_it_is_changed() {
        let mut tables = LaneTables::default();
        let table = tables.table("key");
        table.key().is_now(1);
        table.key().refuse();
        assert!(tables.table("key").key().is_refused(), "carried over");
        table.key().is_now(1);
        assert!(table.key().is_refused(), "the same value");
        table.key().is_now(2);
        assert!(!table.key().is_refused());
    }
}
