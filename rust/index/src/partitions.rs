//! One index a scope. Most scopes hold a few entries, so an index costs little more than its vectors, and a scope whose
//! last entry goes costs nothing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::index::{Hit, Index, Tuning};
use crate::vector::{Refused, Vector};

/// What two requests must have in common for one to be answered from the other: a hash that the caller makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub [u8; 32]);

impl From<[u8; 16]> for Scope {
    fn from(short: [u8; 16]) -> Self {
        let mut scope = [0; 32];
        scope[..16].copy_from_slice(&short);
        Self(scope)
    }
}

/// So many maps, so that a growing one holds up few searches and briefly.
const SHARDS: usize = 64;

type Shard = RwLock<HashMap<Scope, Arc<Index>>>;

/// The indexes of all scopes, for vectors of one length.
#[derive(Debug)]
pub struct Partitions {
    dimensions: usize,
    tuning: Tuning,
    shards: Vec<Shard>,
    hasher: RandomState,
    untended: Mutex<Vec<Arc<Index>>>,
}

impl Partitions {
    /// No scope, for vectors of so many values.
    pub fn new(dimensions: usize, tuning: Tuning) -> Self {
        Self {
            dimensions,
            tuning,
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            untended: Mutex::default(),
        }
    }

    /// The up to `k` nearest vectors of a scope, as [`Index::search`] says.
    pub fn search(
        &self,
        scope: &Scope,
        query: &[f32],
        k: usize,
        filter: impl Fn(u64) -> bool,
    ) -> Result<Vec<Hit>, Refused> {
        let index = read(self.shard(scope)).get(scope).cloned();
        index.map_or_else(|| Ok(Vec::new()), |index| index.search(query, k, filter))
    }

    /// Stores a vector in a scope, as [`Index::insert`] says.
    pub fn insert(&self, scope: &Scope, id: u64, vector: &[f32]) -> Result<(), Refused> {
        self.put(scope, id, &Vector::new(vector, self.dimensions)?, || ());
        Ok(())
    }

    /// Takes a vector out of a scope; whether there was one.
    pub fn remove(&self, scope: &Scope, id: u64) -> bool {
        self.take(scope, id, || ())
    }

    /// Takes all vectors of a scope out; how many there were.
    pub fn clear(&self, scope: &Scope) -> usize {
        self.drop_scope(scope, || ())
    }

    /// How many vectors all scopes hold.
    pub fn len(&self) -> usize {
        self.sum(Index::len)
    }

    /// Whether no scope holds any.
    pub fn is_empty(&self) -> bool {
        self.scopes() == 0
    }

    /// How many scopes hold vectors.
    pub fn scopes(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).len()).sum()
    }

    /// The scope and the id of every vector, in no order.
    pub fn ids(&self) -> Vec<(Scope, u64)> {
        let of = |(scope, index): (Scope, Arc<Index>)| index.ids().into_iter().map(move |id| (scope, id));
        self.all().flat_map(of).collect()
    }

    /// The memory that it holds.
    pub fn bytes(&self) -> usize {
        let entry = size_of::<(Scope, Arc<Index>)>() + 1;
        let maps: usize = self.shards.iter().map(|shard| read(shard).capacity() * entry).sum();
        size_of::<Self>() + maps + self.sum(Index::bytes)
    }

    /// Does up to so many steps of [`Index::tend`]; whether there are more.
    pub fn tend(&self, steps: usize) -> bool {
        for _ in 0..steps {
            let Some(index) = self.untended().last().cloned() else { return false };
            if !index.tend() {
                let mut untended = self.untended();
                // What was changed since is only noted once more where it is not in the list.
                if !index.untended() {
                    untended.retain(|other| !Arc::ptr_eq(other, &index));
                }
            }
        }
        !self.settled()
    }

    /// Whether [`Partitions::tend`] has nothing to do.
    pub fn settled(&self) -> bool {
        self.untended().is_empty()
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Each of these calls `then` after its change, before any other change of that id.
    pub(crate) fn put(&self, scope: &Scope, id: u64, vector: &Vector, then: impl FnOnce()) {
        // The shard stays locked until the vector is in: nobody drops an index between finding and filling it.
        let shard = read(self.shard(scope));
        if let Some(index) = shard.get(scope) {
            index.put(id, vector, then);
            self.note(index);
            return;
        }
        drop(shard);
        let mut shard = self.shard(scope).write().unwrap_or_else(PoisonError::into_inner);
        let index = shard.entry(*scope).or_insert_with(|| Arc::new(Index::new(self.dimensions, self.tuning)));
        index.put(id, vector, then);
        self.note(index);
    }

    pub(crate) fn take(&self, scope: &Scope, id: u64, then: impl FnOnce()) -> bool {
        let shard = read(self.shard(scope));
        let Some(index) = shard.get(scope) else { return false };
        let taken = index.take(id, then);
        self.note(index);
        let empty = index.is_empty();
        drop(shard);
        if empty {
            let mut shard = self.shard(scope).write().unwrap_or_else(PoisonError::into_inner);
            if let Entry::Occupied(index) = shard.entry(*scope)
                && index.get().is_empty()
            {
                let index = index.remove();
                drop(shard);
                self.untended().retain(|other| !Arc::ptr_eq(other, &index));
            }
        }
        taken
    }

    pub(crate) fn drop_scope(&self, scope: &Scope, then: impl FnOnce()) -> usize {
        let mut shard = self.shard(scope).write().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = shard.remove(scope) else { return 0 };
        let count = index.forget(then);
        drop(shard);
        self.untended().retain(|other| !Arc::ptr_eq(other, &index));
        count
    }

    /// All scopes and their indexes.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Scope, Arc<Index>)> {
        self.shards.iter().flat_map(|shard| {
            read(shard).iter().map(|(scope, index)| (*scope, Arc::clone(index))).collect::<Vec<_>>()
        })
    }

    fn note(&self, index: &Arc<Index>) {
        if index.untended() {
            let mut untended = self.untended();
            if !untended.iter().any(|other| Arc::ptr_eq(other, index)) {
                untended.push(Arc::clone(index));
            }
        }
    }

    fn sum(&self, what: impl Fn(&Index) -> usize) -> usize {
        self.all().map(|(_, index)| what(&index)).sum()
    }

    fn untended(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Index>>> {
        self.untended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, scope: &Scope) -> &Shard {
        #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits count")]
        let shard = self.hasher.hash_one(scope) as usize % SHARDS;
        &self.shards[shard]
    }
}

fn read(shard: &Shard) -> std::sync::RwLockReadGuard<'_, HashMap<Scope, Arc<Index>>> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}
