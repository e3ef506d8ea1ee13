//! Finding the nearest: roughly by bytes, then exactly among the best few.

use std::cell::RefCell;

use crate::graph::Scratch;
use crate::ranked::Ranked;
use crate::rows::Rows;
use crate::vector::{Refused, Vector};

use super::{Body, Index};

/// Of a rough search, at least so many are scored again in f32: the bytes alone put the nearest first in 92 to 99 of 100
/// searches only, but never far behind.
const AGAIN: usize = 16;
/// So many that wait for the graph are scanned without letting a writer in between.
const STRIDE: usize = 2_048;

/// A vector that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// What it was inserted under.
    pub id: u64,
    /// Its cosine to the query, counted in f32.
    pub score: f32,
}

thread_local! {
    pub(super) static SCRATCH: RefCell<(Scratch, Scratch)> = RefCell::default();
}

impl Index {
    /// The up to `k` nearest vectors whose ids `filter` takes, the nearest first. `filter` is asked about candidates
    /// only, while the index is held for reading: it must neither search nor change an index.
    pub fn search(&self, query: &[f32], k: usize, filter: impl Fn(u64) -> bool) -> Result<Vec<Hit>, Refused> {
        let query = Vector::new(query, self.dimensions)?;
        if k == 0 {
            return Ok(Vec::new());
        }
        SCRATCH.with_borrow_mut(|(scratch, second)| Ok(self.find(&query, k, filter, scratch, second)))
    }

    fn find(
        &self,
        query: &Vector,
        k: usize,
        filter: impl Fn(u64) -> bool,
        scratch: &mut Scratch,
        queue: &mut Scratch,
    ) -> Vec<Hit> {
        let again = AGAIN.max(2 * k);
        queue.best.start(again);
        let mut from = 0;
        loop {
            let body = self.body();
            let accept = |slot: u32| body.rows.state(slot).alive() && filter(body.rows.id(slot));
            let Some(graph) = &body.graph else {
                queue.best.start(again);
                body.rows.scan(&query.code.lines, |slot, score| {
                    let offer = Ranked::new(score, slot);
                    if queue.best.wants(offer) && accept(slot) {
                        queue.best.keep(offer);
                    }
                });
                return body.exactly(query, k, queue.best.kept(), &filter);
            };
            let (waiting, next) = graph.waiting(from, STRIDE);
            let mut count = 0;
            for slot in waiting {
                count += 1;
                let offer = Ranked::new(body.rows.roughly(&query.code.lines, slot), slot);
                if queue.best.wants(offer) && accept(slot) {
                    queue.best.keep(offer);
                }
            }
            from = next;
            if count < STRIDE {
                // Whoever left the queue since the first stride is in the graph by now.
                let breadth = self.tuning.breadth(body.rows.alive()).max(again);
                graph.search(&body.rows, &query.code.lines, breadth, scratch, accept);
                let mut near: Vec<_> = scratch.best.kept().collect();
                near.sort_unstable_by(|left, right| right.cmp(left));
                near.truncate(again);
                near.extend(queue.best.kept());
                return body.exactly(query, k, near.into_iter(), &filter);
            }
        }
    }
}

impl Body {
    /// Scores candidates in f32. One that was found under an earlier lock may have been removed since, or its slot may
    /// hold another vector, which is then as good a candidate.
    fn exactly(
        &self,
        query: &Vector,
        k: usize,
        near: impl Iterator<Item = Ranked>,
        filter: &impl Fn(u64) -> bool,
    ) -> Vec<Hit> {
        let rows: &Rows = &self.rows;
        let mut hits: Vec<Hit> = near
            .map(Ranked::slot)
            .filter(|&slot| rows.state(slot).alive() && filter(rows.id(slot)))
            .map(|slot| Hit { id: rows.id(slot), score: rows.exactly(&query.unit, slot) })
            .collect();
        hits.sort_unstable_by(|left, right| right.score.total_cmp(&left.score).then(left.id.cmp(&right.id)));
        hits.dedup_by_key(|hit| hit.id);
        hits.truncate(k);
        hits
    }
}
