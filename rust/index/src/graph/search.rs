//! Walking from node to nearer node.

use std::collections::BinaryHeap;

use crate::dot::Line;
use crate::ranked::{Best, Ranked};
use crate::rows::Rows;

use super::Graph;

/// So many of a node's neighbours are fetched from memory ahead of the one whose score is being counted.
const AHEAD: usize = 4;

/// What a walk needs, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    seen: Vec<u64>,
    open: BinaryHeap<Ranked>,
    fresh: Vec<u32>,
    pub(crate) best: Best,
}

impl Scratch {
    fn start(&mut self, slots: u32, breadth: usize) {
        self.seen.clear();
        self.seen.resize((slots as usize).div_ceil(64), 0);
        self.open.clear();
        self.best.start(breadth);
    }

    /// Whether it is seen for the first time.
    #[inline]
    fn see(&mut self, slot: u32) -> bool {
        let Some(word) = self.seen.get_mut(slot as usize / 64) else { return false };
        let bit = 1 << (slot % 64);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}

impl Graph {
    /// Leaves in `scratch.best` the nodes of the lowest layer nearest to `query` of those that `accept` takes.
    pub(crate) fn search(
        &self,
        rows: &Rows,
        query: &[Line],
        breadth: usize,
        scratch: &mut Scratch,
        accept: impl FnMut(u32) -> bool,
    ) {
        scratch.start(0, breadth);
        if let Some(entry) = self.entry {
            let nearest = self.descend(rows, query, entry, 0);
            self.walk(rows, query, 0, &[nearest], breadth, scratch, accept);
        }
    }

    /// The node nearest to `query` that going from near to nearer finds on the layers above `layer`.
    pub(super) fn descend(&self, rows: &Rows, query: &[Line], entry: u32, layer: usize) -> u32 {
        let mut nearest = Ranked::new(rows.roughly(query, entry), entry);
        for layer in (layer + 1..=self.height(entry)).rev() {
            loop {
                let from = nearest;
                for &slot in self.links(from.slot(), layer) {
                    nearest = nearest.max(Ranked::new(rows.roughly(query, slot), slot));
                }
                if nearest == from {
                    break;
                }
            }
        }
        nearest.slot()
    }

    /// Goes through a layer from `entries` until no node that is left to visit is nearer than the worst of the best.
    #[expect(clippy::too_many_arguments, reason = "the one inner loop of searching and of linking")]
    pub(super) fn walk(
        &self,
        rows: &Rows,
        query: &[Line],
        layer: usize,
        entries: &[u32],
        breadth: usize,
        scratch: &mut Scratch,
        mut accept: impl FnMut(u32) -> bool,
    ) {
        scratch.start(rows.slots(), breadth);
        for &slot in entries {
            if scratch.see(slot) {
                let ranked = Ranked::new(rows.roughly(query, slot), slot);
                scratch.open.push(ranked);
                if scratch.best.wants(ranked) && accept(slot) {
                    scratch.best.keep(ranked);
                }
            }
        }
        while let Some(from) = scratch.open.pop() {
            if scratch.best.beats(from) {
                break;
            }
            let mut fresh = std::mem::take(&mut scratch.fresh);
            fresh.clear();
            fresh.extend(self.links(from.slot(), layer).iter().filter(|&&slot| scratch.see(slot)));
            fresh.iter().take(AHEAD).for_each(|&slot| rows.expect(slot));
            for (at, &slot) in fresh.iter().enumerate() {
                if let Some(&ahead) = fresh.get(at + AHEAD) {
                    rows.expect(ahead);
                }
                let ranked = Ranked::new(rows.roughly(query, slot), slot);
                if scratch.best.wants(ranked) {
                    scratch.open.push(ranked);
                    if accept(slot) {
                        scratch.best.keep(ranked);
                    }
                }
            }
            scratch.fresh = fresh;
        }
    }
}
