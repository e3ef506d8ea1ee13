//! Where vectors are: in memory.

use std::sync::OnceLock;

use ferrogate_core::cache::key::Scope;
use ferrogate_index::{Hit, Partitions, Tuning};

/// Steps of building a graph between two looks at whether to end.
const STEPS: usize = 64;

/// A provider's model says only with its first vector how long they are.
#[derive(Default)]
pub(super) struct Vectors(OnceLock<Partitions>);

impl Vectors {
    /// The nearest of a scope, the best first. A vector of zeros, which a text without words has, is near to nothing.
    pub(super) fn search(&self, scope: &Scope, vector: &[f32], count: usize) -> Vec<Hit> {
        let found = self.0.get().map(|vectors| vectors.search(&of(scope), vector, count, |_| true));
        found.and_then(Result::ok).unwrap_or_default()
    }

    /// False where the vector is none, or none of this model's.
    pub(super) fn insert(&self, scope: &Scope, id: u64, vector: &[f32]) -> bool {
        let vectors = self.0.get_or_init(|| Partitions::new(vector.len(), Tuning::default()));
        vectors.insert(&of(scope), id, vector).is_ok()
    }

    pub(super) fn remove(&self, scope: &Scope, id: u64) {
        if let Some(vectors) = self.0.get() {
            vectors.remove(&of(scope), id);
        }
    }

    /// A few steps; whether there are more.
    pub(super) fn tend(&self) -> bool {
        self.0.get().is_some_and(|vectors| vectors.tend(STEPS))
    }

    pub(super) fn len(&self) -> usize {
        self.0.get().map_or(0, Partitions::len)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.get().map_or(0, Partitions::bytes)
    }
}

fn of(scope: &Scope) -> ferrogate_index::Scope {
    ferrogate_index::Scope(*scope.as_bytes())
}
