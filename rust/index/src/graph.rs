//! A hierarchical navigable small world (Malkov and Yashunin, arXiv 1603.09320) over the rough scores.
//!
//! A change is planned while others read and then written in one short step: [`Graph::plan`] and [`Graph::mend`] only
//! read, [`Graph::apply`] only writes. One at a time may plan, from the reading to the writing.

use std::collections::{HashMap, VecDeque};

use crate::rows::CHUNK;

mod link;
mod links;
mod mend;
mod search;

pub(crate) use link::Plan;
use links::Links;
pub(crate) use mend::Pass;
pub(crate) use search::Scratch;

/// Links of a new node on each layer, and the most on all but the lowest.
pub(crate) const LINKS: usize = 16;
/// The most links on the lowest layer.
pub(crate) const BASE_LINKS: usize = 2 * LINKS;
/// So many layers would do for more nodes than slots can be numbered.
const MOST_LAYERS: usize = 9;

/// Who leads to whom, on each layer, and who is not in it yet.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    base: Vec<Vec<Links<BASE_LINKS>>>,
    upper: HashMap<u32, Vec<Links<LINKS>>>,
    /// Where searches begin.
    entry: Option<u32>,
    waiting: VecDeque<u32>,
    /// How many have left the front of `waiting`.
    departed: u64,
    planned: u64,
    dead: Vec<u32>,
}

impl Graph {
    /// A graph that these wait to come into.
    pub(crate) fn awaiting(slots: impl Iterator<Item = u32>) -> Self {
        Self { waiting: slots.collect(), ..Self::default() }
    }

    pub(crate) fn wait(&mut self, slot: u32) {
        self.waiting.push_back(slot);
    }

    /// Who waits at this place of the queue or behind it, counted from the first that ever waited, up to so many; and
    /// the place to go on from. A place does not change when those in front of it leave.
    pub(crate) fn waiting(&self, from: u64, most: usize) -> (impl Iterator<Item = u32>, u64) {
        let skip =
            usize::try_from(from.saturating_sub(self.departed)).unwrap_or(usize::MAX).min(self.waiting.len());
        let end = (skip + most).min(self.waiting.len());
        (self.waiting.range(skip..end).copied(), self.departed + end as u64)
    }

    pub(crate) fn next_waiting(&self) -> Option<u32> {
        self.waiting.front().copied()
    }

    pub(crate) fn depart(&mut self) -> Option<u32> {
        self.departed += u64::from(!self.waiting.is_empty());
        self.waiting.pop_front()
    }

    pub(crate) fn waits(&self) -> usize {
        self.waiting.len()
    }

    /// Notes that a linked slot was removed.
    pub(crate) fn bury(&mut self, slot: u32) {
        self.dead.push(slot);
    }

    pub(crate) fn buried(&self) -> usize {
        self.dead.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        let base =
            self.base.iter().map(|chunk| chunk.capacity() * size_of::<Links<BASE_LINKS>>()).sum::<usize>();
        let layers: usize =
            self.upper.values().map(|layers| layers.capacity() * size_of::<Links<LINKS>>()).sum();
        let upper = self.upper.capacity() * (size_of::<(u32, Vec<Links<LINKS>>)>() + 1);
        base + layers + upper + (self.waiting.capacity() + self.dead.capacity()) * size_of::<u32>()
    }

    fn links(&self, slot: u32, layer: usize) -> &[u32] {
        if layer == 0 {
            let place = slot as usize;
            self.base.get(place / CHUNK).and_then(|chunk| chunk.get(place % CHUNK)).map_or(&[], Links::slots)
        } else {
            self.upper.get(&slot).and_then(|layers| layers.get(layer - 1)).map_or(&[], Links::slots)
        }
    }

    fn set_links(&mut self, slot: u32, layer: usize, slots: &[u32]) {
        if layer == 0 {
            let place = slot as usize;
            while self.base.len() <= place / CHUNK {
                self.base.push(Vec::with_capacity(CHUNK));
            }
            let chunk = &mut self.base[place / CHUNK];
            if chunk.len() <= place % CHUNK {
                chunk.resize(place % CHUNK + 1, Links::default());
            }
            chunk[place % CHUNK].set(slots);
        } else if let Some(links) = self.upper.get_mut(&slot).and_then(|layers| layers.get_mut(layer - 1)) {
            links.set(slots);
        }
    }

    /// The highest layer that a node is on.
    fn height(&self, slot: u32) -> usize {
        self.upper.get(&slot).map_or(0, Vec::len)
    }

    fn most(layer: usize) -> usize {
        if layer == 0 { BASE_LINKS } else { LINKS }
    }
}

#[cfg(test)]
impl Graph {
    /// Fails where a walk could come to a slot that holds nothing, or one waits that nobody counts.
    pub(crate) fn check(&self, rows: &crate::rows::Rows) {
        use crate::rows::State;
        let there = |slot: u32| matches!(rows.state(slot), State::Linked | State::Dead);
        assert!(self.entry.is_none_or(there));
        let mut seen: std::collections::HashSet<u32> = self.entry.into_iter().collect();
        let mut open: Vec<u32> = self.entry.into_iter().collect();
        while let Some(slot) = open.pop() {
            for layer in 0..=self.height(slot) {
                for &link in self.links(slot, layer) {
                    assert!(link != slot && there(link), "{slot} leads to {link}, {:?}", rows.state(link));
                    assert!(self.height(link) >= layer);
                    if seen.insert(link) {
                        open.push(link);
                    }
                }
            }
        }
        for &slot in &self.waiting {
            assert!(matches!(rows.state(slot), State::Waiting | State::Lost));
        }
        let waiting =
            (0..rows.slots()).filter(|slot| matches!(rows.state(*slot), State::Waiting | State::Lost));
        assert_eq!(waiting.count(), self.waiting.len());
    }
}
