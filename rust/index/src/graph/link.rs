//! Bringing a slot into the graph, and which links are worth having.

use crate::ranked::Ranked;
use crate::rows::{Rows, State};

use super::{Graph, LINKS, MOST_LAYERS, Scratch};

/// How many candidates a new node's links are chosen from.
const BREADTH: usize = 128;

/// Links to write, one list a node and layer.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// A node that comes in, and the highest layer that it is on.
    arrives: Option<(u32, usize)>,
    lists: Vec<(u32, usize, Vec<u32>)>,
}

impl Plan {
    pub(super) fn rewrite(&mut self, slot: u32, layer: usize, links: Vec<u32>) {
        self.lists.push((slot, layer, links));
    }
}

impl Graph {
    /// What brings a slot in. Dead nodes are walked over but not linked to.
    pub(crate) fn plan(&self, rows: &Rows, slot: u32, scratch: &mut Scratch) -> Plan {
        let height = height(self.planned);
        let mut plan = Plan { arrives: Some((slot, height)), lists: Vec::new() };
        let Some(entry) = self.entry else { return plan };
        let query = rows.code(slot);
        let mut entries = vec![self.descend(rows, query, entry, height)];
        for layer in (0..=height.min(self.height(entry))).rev() {
            self.walk(rows, query, layer, &entries, BREADTH, scratch, |slot| {
                rows.state(slot) == State::Linked
            });
            let mut near: Vec<_> = scratch.best.kept().collect();
            near.sort_unstable_by(|left, right| right.cmp(left));
            let chosen = choose(rows, slot, &near, LINKS);
            for &neighbour in &chosen {
                plan.rewrite(neighbour, layer, self.with(rows, neighbour, layer, slot));
            }
            plan.rewrite(slot, layer, chosen);
            if !near.is_empty() {
                entries = near.iter().map(|near| near.slot()).collect();
            }
        }
        plan
    }

    /// A node's links with one more, the less useful left out where they are too many.
    fn with(&self, rows: &Rows, slot: u32, layer: usize, more: u32) -> Vec<u32> {
        let links = self.links(slot, layer);
        let most = Self::most(layer);
        if links.len() < most {
            return links.iter().copied().chain([more]).collect();
        }
        choose(rows, slot, &ranked(rows, slot, links.iter().copied().chain([more])), most)
    }

    /// Writes a plan.
    pub(crate) fn apply(&mut self, rows: &mut Rows, plan: &Plan) {
        if let Some((slot, height)) = plan.arrives {
            self.planned += 1;
            if height > 0 {
                self.upper.insert(slot, vec![super::Links::default(); height]);
            }
            rows.set_state(slot, State::Linked);
            self.set_links(slot, 0, &[]);
            if self.entry.is_none_or(|entry| self.height(entry) < height) {
                self.entry = Some(slot);
            }
        }
        for (slot, layer, links) in &plan.lists {
            self.set_links(*slot, *layer, links);
        }
    }
}

/// Slots by how near they are to `slot`, the nearest first.
pub(super) fn ranked(rows: &Rows, slot: u32, others: impl Iterator<Item = u32>) -> Vec<Ranked> {
    let code = rows.code(slot);
    let mut ranked: Vec<_> = others.map(|other| Ranked::new(rows.roughly(code, other), other)).collect();
    ranked.sort_unstable_by(|left, right| right.cmp(left));
    ranked
}

/// Up to so many of `near` (sorted, [`Rows::roughly`] scored for `slot`): each is nearer to `slot` than to any chosen
/// before it, so that links lead in different directions (the paper's algorithm 4).
pub(super) fn choose(rows: &Rows, slot: u32, near: &[Ranked], most: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::with_capacity(most);
    for candidate in near {
        if chosen.len() == most {
            break;
        }
        let score = candidate.score() * rows.scale(slot);
        let code = rows.code(candidate.slot());
        let scale = rows.scale(candidate.slot());
        if chosen.iter().all(|&other| rows.roughly(code, other) * scale < score) {
            chosen.push(candidate.slot());
        }
    }
    chosen
}

/// The layer of the node that is planned as this one, the same in every run: one in [`LINKS`] is on each next layer.
fn height(planned: u64) -> usize {
    // splitmix64's finish.
    let mut bits = planned.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let layer = (bits ^ bits >> 31).trailing_zeros() / LINKS.ilog2();
    (layer as usize).min(MOST_LAYERS - 1)
}
