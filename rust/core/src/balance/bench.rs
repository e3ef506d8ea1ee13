//! Scripted lanes and a clock, for the tests of the policy.

use std::sync::Arc;
use std::time::Duration;

use super::{Class, Dice, Hints, Lane, LaneFailure, LaneTables, Member, Moment, Pick, Pool, Reason};
use crate::error::Kind;

/// Lanes `(tier, weight)` of different keys, and a clock.
pub(super) struct Bench {
    pub(super) pool: Arc<Pool>,
    pub(super) now: u64,
    pub(super) dice: Dice,
}

pub(super) const FAULT: LaneFailure = LaneFailure { kind: Kind::UpstreamStatus, status: 503 };
pub(super) const REFUSED: LaneFailure = LaneFailure { kind: Kind::UpstreamStatus, status: 429 };

impl Bench {
    pub(super) fn new(lanes: &[(u32, f64)]) -> Self {
        let mut tables = LaneTables::default();
        let members = lanes.iter().enumerate().map(|(index, &(tier, weight))| Member {
            lane: tables.table(&format!("key{index}")).lane("m"),
            tier,
            weight,
        });
        let mut bench = Self { pool: Arc::new(Pool::new(members.collect())), now: 1_000, dice: Dice::new(7) };
        bench.pool.refresh(bench.at());
        bench.now += 60_000;
        bench
    }

    pub(super) fn even(count: usize) -> Self {
        Self::new(&vec![(0, 1.0); count])
    }

    pub(super) fn at(&self) -> Moment {
        Moment::after_start(Duration::from_millis(self.now))
    }

    pub(super) fn lane(&self, index: usize) -> &Arc<Lane> {
        &self.pool.members()[index].lane
    }

    pub(super) fn pick(&mut self) -> Pick {
        self.now += 150;
        let now = self.at();
        self.pool.order(now).next(now, &mut self.dice).unwrap()
    }

    /// One request that takes `millis` on the lane that is picked for it.
    pub(super) fn serve(&mut self, millis: impl Fn(usize) -> u64) -> (usize, Reason) {
        let Pick { index, reason, mut guard } = self.pick();
        let end = Moment::after_start(Duration::from_millis(self.now + millis(index)));
        guard.first_token(end);
        guard.success(end, Some(20));
        (index, reason)
    }

    pub(super) fn fail(&mut self, index: usize, class: Class, hints: &Hints) {
        let failure = if class == Class::Limited { REFUSED } else { FAULT };
        self.lane(index).begin(self.at()).failure(self.at(), failure, class, hints);
    }

    pub(super) fn counts(&mut self, requests: usize, millis: impl Fn(usize) -> u64) -> Vec<usize> {
        let mut counts = vec![0; self.pool.members().len()];
        for _ in 0..requests {
            counts[self.serve(&millis).0] += 1;
        }
        counts
    }
}
