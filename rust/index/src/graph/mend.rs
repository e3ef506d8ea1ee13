//! Taking removed nodes out: whoever leads to one gets its neighbours to choose from instead (the delete of `FreshDiskANN`,
//! arXiv 2105.09613). One pass goes over all nodes a few at a time; after it nobody leads to the removed ones, and their
//! slots are free.

use std::collections::HashSet;

use crate::rows::{Rows, State};

use super::link::{choose, ranked};
use super::{Graph, Plan};

/// A pass that goes on.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    /// What it takes out. Whoever is removed later waits for the next pass.
    doomed: HashSet<u32>,
    next: u32,
}

impl Graph {
    /// Begins a pass over all that were removed until now.
    pub(crate) fn begin(&mut self) -> Pass {
        Pass { doomed: std::mem::take(&mut self.dead).into_iter().collect(), next: 0 }
    }

    /// Plans for the next `slots` slots of a pass; none when it has gone over all.
    pub(crate) fn mend(&self, rows: &Rows, pass: &mut Pass, slots: u32) -> Option<Plan> {
        let end = rows.slots().min(pass.next.saturating_add(slots));
        if pass.next >= end {
            return None;
        }
        let mut plan = Plan::default();
        for slot in pass.next..end {
            if matches!(rows.state(slot), State::Linked | State::Dead) && !pass.doomed.contains(&slot) {
                self.mend_one(rows, pass, slot, &mut plan);
            }
        }
        pass.next = end;
        Some(plan)
    }

    fn mend_one(&self, rows: &Rows, pass: &Pass, slot: u32, plan: &mut Plan) {
        for layer in 0..=self.height(slot) {
            let links = self.links(slot, layer);
            if !links.iter().any(|link| pass.doomed.contains(link)) {
                continue;
            }
            let mut others = HashSet::new();
            for &link in links {
                if pass.doomed.contains(&link) {
                    others.extend(self.links(link, layer));
                } else {
                    others.insert(link);
                }
            }
            others.retain(|other| {
                *other != slot && rows.state(*other) == State::Linked && !pass.doomed.contains(other)
            });
            let near = ranked(rows, slot, others.into_iter());
            plan.rewrite(slot, layer, choose(rows, slot, &near, Self::most(layer)));
        }
    }

    /// Frees up to so many of what a pass that went over all took out; whether there are more.
    pub(crate) fn finish(&mut self, rows: &mut Rows, pass: &mut Pass, slots: usize) -> bool {
        if self.entry.is_some_and(|entry| pass.doomed.contains(&entry)) {
            let linked = |slot: &u32| rows.state(*slot) == State::Linked && !pass.doomed.contains(slot);
            let high =
                self.upper.keys().copied().filter(linked).max_by_key(|slot| (self.height(*slot), *slot));
            self.entry = high.or_else(|| (0..rows.slots()).find(linked));
        }
        let some: Vec<_> = pass.doomed.iter().copied().take(slots).collect();
        for slot in some {
            pass.doomed.remove(&slot);
            self.set_links(slot, 0, &[]);
            self.upper.remove(&slot);
            rows.release(slot);
        }
        !pass.doomed.is_empty()
    }
}
