//! Which kept answer does for a question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrogate_core::cache::guard::{Verdict, judge};
use ferrogate_core::cache::key::{Key, Scope};
use ferrogate_core::cache::store::{Cursor, Question, Store};

use super::vectors::Vectors;
use super::{Looked, Wanted};

/// So many of the nearest questions are judged.
const CANDIDATES: usize = 4;
/// So many are looked at for some that are fresh.
const FARTHEST: usize = 64;

/// Which entry a vector stands for. A vector has room for a short name only.
type Known = HashMap<u64, (Key, Scope)>;

/// The vectors of questions, and the entries that they lead to.
pub(super) struct Answers {
    store: Arc<Store>,
    vectors: Vectors,
    known: Mutex<Known>,
}

/// Entries that one look under the lock takes in.
const BATCH: usize = 256;

impl Answers {
    pub(super) fn new(store: Arc<Store>, vectors: Vectors) -> Self {
        Self { store, vectors, known: Mutex::default() }
    }

    /// Learns what the store has, and lets go of all other vectors. Not before the answers were read from their file.
    pub(super) fn settle(&self) {
        let mut known = Known::new();
        let mut from = Some(Cursor::default());
        while let Some(cursor) = from {
            let (listed, next) = self.store.list(cursor, BATCH);
            let questions =
                listed.iter().filter_map(|one| Some((one.key, one.entry.question.as_ref()?.scope)));
            known.extend(questions.map(|(key, scope)| (short(&key), (key, scope))));
            from = next;
        }
        self.vectors.retain(|id| known.contains_key(&id));
        self.known().extend(known);
    }

    pub(super) fn is_in_place(&self) -> bool {
        self.vectors.is_in_place()
    }

    /// The nearest question that is near enough, whose answer is fresh, and that the guard lets pass. Old wordings do not
    /// stand before fresh ones: where all that were found have gone, more are looked for.
    pub(super) fn search(&self, wanted: &Wanted, vector: Box<[f32]>) -> Looked {
        let mut looked = Looked::default();
        let (mut seen, mut judged, mut most) = (0, 0, CANDIDATES);
        loop {
            let near = self.vectors.search(&wanted.question.scope, &vector, most);
            looked.nearest = looked.nearest.or(near.first().map(|near| near.score));
            for near in near.iter().skip(seen).take_while(|near| near.score >= wanted.threshold) {
                let Some((key, oldest, verdict)) = self.judged(wanted, near.id) else { continue };
                judged += 1;
                match verdict {
                    Verdict::Veto(rule) => looked.veto = looked.veto.or(Some(rule)),
                    Verdict::Accept => {
                        let hit = self.store.get_within(&key, wanted.now, oldest);
                        looked.found = hit.map(|hit| (hit, near.score));
                    }
                }
                if looked.found.is_some() || judged >= CANDIDATES {
                    break;
                }
            }
            let all_near = near.last().is_some_and(|last| last.score >= wanted.threshold);
            let is_over = looked.found.is_some() || judged > 0 || near.len() < most || !all_near;
            if is_over || most >= FARTHEST {
                break;
            }
            (seen, most) = (near.len(), most * 4);
        }
        looked.vector = Some(vector);
        looked
    }

    /// What the guard says of a question that was found; its key, and the greatest age that its answer may have. None where
    /// it has no answer that may be served.
    fn judged(&self, wanted: &Wanted, id: u64) -> Option<(Key, u64, Verdict)> {
        let (key, _) = self.known().get(&id).copied()?;
        let listed = self.store.peek(&key)?;
        // The index has them apart by scope already; an answer for somebody else would be the worst of faults.
        let question = listed.entry.question.as_ref().filter(|found| is_one(found, wanted))?;
        let oldest = listed.entry.ttl.min(wanted.max_age);
        let is_fresh = wanted.now.saturating_sub(listed.stored_at) < oldest;
        is_fresh.then(|| (key, oldest, judge(&wanted.question.text, &question.text)))
    }

    pub(super) fn insert(&self, key: Key, question: &Question, vector: &[f32]) {
        let id = short(&key);
        if self.vectors.insert(&question.scope, id, vector) {
            self.known().insert(id, (key, question.scope));
        }
    }

    /// Takes out the vectors whose entries are gone.
    pub(super) fn sweep(&self) {
        let all: Vec<(u64, Key, Scope)> =
            self.known().iter().map(|(id, (key, scope))| (*id, *key, *scope)).collect();
        for batch in all.chunks(BATCH) {
            for (id, key, scope) in batch {
                if self.store.peek(key).is_none_or(|listed| listed.entry.question.is_none()) {
                    self.known().remove(id);
                    self.vectors.remove(scope, *id);
                }
            }
        }
    }

    /// A few steps of building graphs; whether there are more.
    pub(super) fn tend(&self) -> bool {
        self.vectors.tend()
    }

    pub(super) fn size(&self) -> (usize, usize) {
        self.vectors.size()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_one(found: &Question, wanted: &Wanted) -> bool {
    found.scope == wanted.question.scope
}

/// The name that a vector has room for. Of a good hash, so two of a million entries share one once in millions of times; then
/// the later one is found.
fn short(key: &Key) -> u64 {
    let (first, _) = key.as_bytes().split_first_chunk().unwrap_or((&[0; 8], &[]));
    u64::from_le_bytes(*first)
}
