//! Rendezvous hashing: every request with the same prefix goes to the same lane, and a lane that leaves or joins moves only
//! its own part.

use super::Moment;
use super::dice::{fraction, mix};
use super::order::Order;
use super::pool::Member;
use super::share::Row;
use super::tuning::{CROWDED, SLOWED};

/// A hash of `parts`, the same in every process.
pub fn affinity_hash(parts: &[&[u8]]) -> u64 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let step = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let part = |hash: u64, part: &&[u8]| {
        let (words, rest) = part.as_chunks::<8>();
        let hash = words.iter().fold(hash, |hash, word| step(hash, u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        step(step(hash, u64::from_le_bytes(last)), part.len() as u64)
    };
    mix(parts.iter().fold(0, part))
}

/// The healthy lanes of a tier, side by side: a choice looks at every one of them.
#[derive(Debug, Default)]
pub(super) struct Homes {
    lanes: Vec<Home>,
    /// All have the same weight, so that hashes can be compared as they are; a logarithm a lane is four times the cost.
    even: bool,
}

#[derive(Debug)]
struct Home {
    id: u64,
    weight: f64,
    index: usize,
}

impl Homes {
    /// Of `lanes`, those that do well. A lane that still climbs is nobody's home yet, unless all do.
    pub(super) fn of(members: &[Member], lanes: &[usize], rows: &[Row]) -> Self {
        let is_well = |index: &&usize| rows[**index].multiplier > SLOWED;
        let all_young = !lanes.iter().any(|index| rows[*index].grown);
        let well = lanes.iter().filter(is_well).filter(|index| all_young || rows[**index].grown);
        let home = |index: &usize| Home {
            id: members[*index].lane.id,
            weight: members[*index].weight,
            index: *index,
        };
        let lanes: Vec<_> = well.map(home).collect();
        let even = lanes.windows(2).all(|pair| pair[0].weight.total_cmp(&pair[1].weight).is_eq());
        Self { lanes, even }
    }

    /// The lane that `hash` belongs to, of those that are open now.
    pub(super) fn find(&self, order: &Order, hash: u64, now: Moment) -> Option<usize> {
        if self.even {
            self.nearest(order, now, |home| mix(hash ^ home.id))
        } else {
            // A lane of twice the weight is nearest twice as often. Positive numbers are in order as their bits are.
            self.nearest(order, now, |home| {
                let uniform = fraction(mix(hash ^ home.id)).max(f64::MIN_POSITIVE);
                (-home.weight / uniform.ln()).to_bits()
            })
        }
    }

    /// A home that has many times its part of what runs is passed over: one long prompt of all users must not put all of
    /// them on one lane.
    fn nearest(&self, order: &Order, now: Moment, score: impl Fn(&Home) -> u64) -> Option<usize> {
        let running = |home: &Home| f64::from(order.lane(home.index).in_flight());
        let (all, weights) = self
            .lanes
            .iter()
            .fold((1.0, 0.0), |(all, weights), home| (all + running(home), weights + home.weight));
        let is_crowded = |home: &Home| running(home) >= (CROWDED * all * home.weight / weights).ceil();
        let mut best: Option<(u64, usize)> = None;
        for home in &self.lanes {
            let score = score(home);
            if best.is_none_or(|(held, _)| score > held)
                && !is_crowded(home)
                && order.is_open(home.index, now)
            {
                best = Some((score, home.index));
            }
        }
        best.map(|(_, index)| index)
    }
}
