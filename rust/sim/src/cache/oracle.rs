//! A bound from the future (Belady, made aware of sizes).
//!
//! What goes is what has the largest product of size and time until it is needed again, the newcomer included. With
//! equal sizes that is the optimum; with others it is greedy, and no known policy without the future beats it.

use std::collections::BTreeSet;

use super::Trace;
use crate::random::Random;

/// How many of the kept ones are compared where sizes differ.
const COMPARED: usize = 64;

pub(super) fn run(trace: &Trace, bytes: usize, warm: usize) -> usize {
    let next = next_uses(trace);
    let equal = trace.weights.windows(2).all(|pair| pair[0] == pair[1]);
    let mut kept = Kept { slots: Vec::new(), place: vec![None; trace.weights.len()], order: BTreeSet::new() };
    let mut random = Random::of(&[17]);
    let (mut used, mut hits) = (0, 0);
    for (now, &number) in trace.requests.iter().enumerate() {
        if kept.remove(number) {
            hits += usize::from(now >= warm);
            used -= trace.weight(number);
        }
        if next[now] == usize::MAX {
            continue;
        }
        kept.insert(number, next[now]);
        used += trace.weight(number);
        while used > bytes {
            let Some(victim) = kept.worst(trace, now, equal, number, &mut random) else { break };
            kept.remove(victim);
            used -= trace.weight(victim);
        }
    }
    hits
}

/// When what is asked for at each time is asked for again.
fn next_uses(trace: &Trace) -> Vec<usize> {
    let mut seen = vec![usize::MAX; trace.weights.len()];
    let mut next = vec![usize::MAX; trace.requests.len()];
    for (at, &number) in trace.requests.iter().enumerate().rev() {
        next[at] = std::mem::replace(&mut seen[number as usize], at);
    }
    next
}

struct Kept {
    slots: Vec<(u32, usize)>,
    place: Vec<Option<usize>>,
    order: BTreeSet<(usize, u32)>,
}

impl Kept {
    fn insert(&mut self, number: u32, next: usize) {
        self.place[number as usize] = Some(self.slots.len());
        self.slots.push((number, next));
        self.order.insert((next, number));
    }

    fn remove(&mut self, number: u32) -> bool {
        let Some(at) = self.place[number as usize].take() else { return false };
        let (number, next) = self.slots.swap_remove(at);
        self.order.remove(&(next, number));
        if let Some(&(moved, _)) = self.slots.get(at) {
            self.place[moved as usize] = Some(at);
        }
        true
    }

    fn worst(
        &self,
        trace: &Trace,
        now: usize,
        equal: bool,
        newcomer: u32,
        random: &mut Random,
    ) -> Option<u32> {
        let last = self.order.last()?.1;
        if equal {
            return Some(last);
        }
        let drawn = (0..COMPARED).map(|_| self.slots[random.below(self.slots.len())].0);
        drawn.chain([last, newcomer]).max_by_key(|&number| {
            let next = self.place[number as usize].map_or(now, |at| self.slots[at].1);
            (next - now) * trace.weight(number)
        })
    }
}
