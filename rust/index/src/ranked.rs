//! A slot and how near it is, in one number that sorts by nearness, and the best few of many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Sorts by score, then by slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ranked(u64);

impl Ranked {
    #[inline]
    pub(crate) fn new(score: f32, slot: u32) -> Self {
        let bits = score.to_bits();
        // Floats sort like their bits once the negative ones are turned round.
        let order = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Self(u64::from(order) << 32 | u64::from(slot))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the slot")]
    pub(crate) fn slot(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) fn score(self) -> f32 {
        let order = u32::try_from(self.0 >> 32).unwrap_or_default();
        f32::from_bits(if order >> 31 == 1 { order & !(1 << 31) } else { !order })
    }
}

/// The best `most` of what was offered.
#[derive(Debug, Default)]
pub(crate) struct Best {
    heap: BinaryHeap<Reverse<Ranked>>,
    most: usize,
}

impl Best {
    pub(crate) fn start(&mut self, most: usize) {
        self.heap.clear();
        self.most = most;
    }

    /// Whether something as near as this would be kept.
    #[inline]
    pub(crate) fn wants(&self, offer: Ranked) -> bool {
        self.heap.len() < self.most || self.heap.peek().is_some_and(|worst| offer > worst.0)
    }

    /// Whether all that could be kept is, and is nearer than this.
    #[inline]
    pub(crate) fn beats(&self, other: Ranked) -> bool {
        self.heap.len() >= self.most && self.heap.peek().is_some_and(|worst| other < worst.0)
    }

    #[inline]
    pub(crate) fn keep(&mut self, offer: Ranked) {
        if self.heap.len() < self.most {
            self.heap.push(Reverse(offer));
        } else if let Some(mut worst) = self.heap.peek_mut() {
            worst.0 = offer;
        }
    }

    /// All that was kept, in any order.
    pub(crate) fn kept(&self) -> impl Iterator<Item = Ranked> {
        self.heap.iter().map(|kept| kept.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_scores_do(left in -2.0_f32..2.0, right in -2.0_f32..2.0, slot in 0_u32..) {
            let (one, other) = (Ranked::new(left, slot), Ranked::new(right, slot));
            prop_assert_eq!(one.cmp(&other), left.total_cmp(&right));
            prop_assert_eq!((one.score().to_bits(), one.slot()), (left.to_bits(), slot));
        }

        #[test]
        fn keeps_the_best(scores in proptest::collection::vec(-1.0_f32..1.0, 0..80), most in 1_usize..20) {
            let mut best = Best::default();
            best.start(most);
            let mut all: Vec<_> = (0..).zip(scores).map(|(slot, score)| Ranked::new(score, slot)).collect();
            for &offer in &all {
                if best.wants(offer) {
                    best.keep(offer);
                }
            }
            all.sort_unstable_by(|left, right| right.cmp(left));
            all.truncate(most);
            let mut kept: Vec<_> = best.kept().collect();
            kept.sort_unstable_by(|left, right| right.cmp(left));
            prop_assert_eq!(kept, all);
        }
    }
}
