//! Rendezvous hashing: every request with the same prefix goes to the same lane, and a lane that leaves or joins moves only
//! its own part.

use super::Moment;
use super::dice::{fraction, mix};
use super::order::Order;
use super::pool::{Table, Tier};
use super::tuning::SLOWED;

/// The healthy lane of the tier that `hash` belongs to. A lane that still climbs is nobody's home yet.
pub(super) fn home(order: &Order<'_>, table: &Table, tier: &Tier, hash: u64, now: Moment) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for &index in &tier.lanes {
        let row = table.rows[index];
        if row.multiplier <= SLOWED || !row.grown {
            continue;
        }
        let score = order.score(index, hash);
        if best.is_none_or(|(held, _)| score > held) && order.is_open(index, now) {
            best = Some((score, index));
        }
    }
    best.map(|(_, index)| index)
}

/// Greater is nearer; a lane of twice the weight is nearest twice as often.
pub(super) fn score(hash: u64, lane: u64, weight: f64) -> f64 {
    -weight / fraction(mix(hash ^ lane)).max(f64::MIN_POSITIVE).ln()
}
