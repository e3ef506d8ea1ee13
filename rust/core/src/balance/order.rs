//! The order of lanes for one request: each at most once, the next one when the last one failed.

use super::Moment;
use std::sync::Arc;

use super::decision::{Decision, Reason};
use super::dice::Dice;
use super::guard::LaneGuard;
use super::lane::{Lane, Standing};
use super::pool::{Pool, Table, Tier};
use super::tuning::{BUSIER, JUDGED_FROM};

/// Draws before the tier is searched.
const DRAWS: usize = 6;

/// Yields lanes, each with its running attempt.
#[derive(Debug)]
pub struct Order {
    pool: Arc<Pool>,
    /// Yielded or left out.
    tried: Vec<usize>,
    /// None was yielded yet.
    fresh: bool,
    prefix: Option<u64>,
    /// The lane that lost against the last one that was chosen.
    beaten: Option<usize>,
}

/// A lane that was chosen.
#[derive(Debug)]
pub struct Pick {
    /// Its index in the pool.
    pub index: usize,
    /// Why it.
    pub reason: Reason,
    /// The attempt, which has begun.
    pub guard: LaneGuard,
}

impl Order {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, tried: Vec::new(), fresh: true, prefix: None, beaten: None }
    }

    /// Requests with the same `hash`, of tenant and prefix, go to the same lane while it is healthy: its cache is warm.
    #[must_use]
    pub fn with_affinity(mut self, hash: u64) -> Self {
        self.prefix = Some(hash);
        self
    }

    /// Leaves a lane out, as if it had been tried.
    pub fn skip(&mut self, index: usize) {
        self.tried.push(index);
    }

    /// Lanes that have not been yielded.
    pub fn remaining(&self) -> usize {
        let table = self.pool.table.load();
        let all: usize = table.tiers.iter().map(|tier| tier.lanes.len()).sum();
        all.saturating_sub(self.tried.len())
    }

    /// Whether a lane is left that does its work: trying that one multiplies no outage.
    pub fn has_sound(&self, now: Moment) -> bool {
        let sound = |index: usize| {
            let judged = self.pool.members[index].lane.judged(now);
            judged.faults <= judged.successes.max(JUDGED_FROM / 2)
        };
        (0..self.pool.members.len()).any(|index| self.is_open(index, now) && sound(index))
    }

    /// The next lane, with the attempt begun. None where none is left, or where all that are left were told by their
    /// providers to wait: [`Pool::back_at`] then says until when.
    pub fn next(&mut self, now: Moment, dice: &mut Dice) -> Option<Pick> {
        let pool = Arc::clone(&self.pool);
        let table = pool.table.load();
        let (index, reason, guard) = self.choose(&table, now, dice)?;
        self.tried.push(index);
        self.fresh = false;
        Some(Pick { index, reason, guard })
    }

    /// What was known when the last lane was chosen; to be called at once, where somebody will read it.
    pub fn explain(&self, reason: Reason, now: Moment) -> Decision {
        Decision::of(&self.pool, &self.tried, self.beaten, reason, now)
    }

    fn choose(&mut self, table: &Table, now: Moment, dice: &mut Dice) -> Option<(usize, Reason, LaneGuard)> {
        self.beaten = None;
        let first = self.fresh;
        if first && let Some((index, guard)) = self.look(table, now) {
            return Some((index, Reason::Probe, guard));
        }
        for tier in &table.tiers {
            let (index, reason) = match self.prefix {
                Some(hash) => tier.homes.find(self, hash, now).map(|at| (at, Reason::Affinity)),
                None => None,
            }
            .or_else(|| self.draw(table, tier, now, dice))
            .or_else(|| self.search(table, tier, now).map(|at| (at, Reason::Only)))
            .unwrap_or((usize::MAX, Reason::Only));
            if let Some(member) = self.pool.members.get(index) {
                let reason = if first { reason } else { Reason::Fallback };
                return Some((index, reason, member.lane.begin(now)));
            }
        }
        let index = self.least_bad(table, now, dice)?;
        Some((index, Reason::LeastBad, self.pool.members[index].lane.begin(now)))
    }

    /// A lane that is due for a look, where the allowance lets it or where a look costs little.
    fn look(&self, table: &Table, now: Moment) -> Option<(usize, LaneGuard)> {
        let index = table.next_due()?;
        let lane = &self.pool.members[index].lane;
        match lane.standing(now) {
            Standing::Probing => LaneGuard::probe(lane, now).map(|guard| (index, guard)),
            Standing::Ready if self.pool.may_look() => Some((index, lane.begin(now))),
            Standing::Ready => {
                table.put_back();
                None
            }
            _ => None,
        }
    }

    pub(super) fn lane(&self, index: usize) -> &Lane {
        &self.pool.members[index].lane
    }

    /// Whether it may be chosen now.
    pub(super) fn is_open(&self, index: usize, now: Moment) -> bool {
        !self.tried.contains(&index) && self.pool.members[index].lane.standing(now) == Standing::Ready
    }

    /// By weight; the first drawn stands, unless it is busier for its weight than another one that is drawn.
    fn draw(&mut self, table: &Table, tier: &Tier, now: Moment, dice: &mut Dice) -> Option<(usize, Reason)> {
        let mut chosen: Option<usize> = None;
        for _ in 0..DRAWS {
            let index = tier.draw(dice.uniform())?;
            if chosen == Some(index) {
                break;
            }
            if !self.is_open(index, now) {
                continue;
            }
            let Some(one) = chosen else {
                chosen = Some(index);
                continue;
            };
            let waiting = |lane: usize| f64::from(self.pool.members[lane].lane.waiting());
            let (row, other) = (table.rows[one], table.rows[index]);
            let busier = waiting(one) * other.weight > BUSIER * (waiting(index) + 1.0) * row.weight;
            // A lane that still climbs is not to win by being empty.
            let (winner, loser) = if busier && other.grown { (index, one) } else { (one, index) };
            self.beaten = Some(loser);
            let reason = if winner == one { Reason::Drawn } else { Reason::LessBusy };
            return Some((winner, reason));
        }
        chosen.map(|index| (index, Reason::Drawn))
    }

    /// The open lane of the greatest weight: where most are out, draws miss.
    fn search(&self, table: &Table, tier: &Tier, now: Moment) -> Option<usize> {
        let open = tier.lanes.iter().copied().filter(|index| self.is_open(*index, now));
        open.min_by(|one, other| {
            let key = |index: &usize| (-table.rows[*index].weight, table.rows[*index].ratio);
            key(one).partial_cmp(&key(other)).unwrap_or(std::cmp::Ordering::Equal)
        })
    }

    /// All are out: one at its own ceiling, then the one that is back first; a refused key last. What its provider told
    /// to wait is not tried.
    fn least_bad(&self, table: &Table, now: Moment, dice: &mut Dice) -> Option<usize> {
        let mut best: Option<(u8, Moment, f64, usize)> = None;
        for tier in &table.tiers {
            for &index in tier.lanes.iter().filter(|index| !self.tried.contains(index)) {
                let (rank, until) = match self.pool.members[index].lane.standing(now) {
                    Standing::Ready | Standing::Probing => (0, now),
                    Standing::Full(until) => (1, until),
                    Standing::Resting(until) | Standing::Cooling(until, false) => (2, until),
                    Standing::Cooling(_, true) => continue,
                    Standing::KeyRefused => (3, now),
                };
                let candidate = (rank, until, dice.uniform(), index);
                if best.is_none_or(|best| (rank, until, candidate.2) < (best.0, best.1, best.2)) {
                    best = Some(candidate);
                }
            }
        }
        best.map(|(.., index)| index)
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
