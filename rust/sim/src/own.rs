//! The gateway's own way of choosing: the very code of `ferrogate-core`, told what the request path would tell it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_core::Kind;
use ferrogate_core::balance::{
    Class, Dice, Hints, Lane, LaneFailure, LaneGuard, LaneTables, Member, Moment, Pool,
};

use crate::lane::Seconds;
use crate::policy::{Ask, Attempt, End, Policy};
use crate::random::Random;

/// A pool, and the attempts that run on it.
pub(crate) struct Own {
    tables: LaneTables,
    pool: Arc<Pool>,
    members: Vec<Member>,
    dice: Dice,
    picked: Option<LaneGuard>,
    running: HashMap<usize, LaneGuard>,
}

/// Virtual time as lanes count it.
pub(crate) fn moment(now: Seconds) -> Moment {
    Moment::after_start(Duration::from_secs_f64(now))
}

impl Own {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            tables: LaneTables::default(),
            pool: Arc::new(Pool::new(Vec::new())),
            members: Vec::new(),
            dice: Dice::new(seed),
            picked: None,
            running: HashMap::new(),
        }
    }

    fn lane(&mut self, index: usize) -> Arc<Lane> {
        self.tables.table(&format!("key-{index}")).lane("model")
    }
}

impl Policy for Own {
    /// A change of configuration makes a new pool; what the lanes have been through is carried over.
    fn joined(&mut self, _now: Seconds, lane: usize, weight: f64) {
        while self.members.len() <= lane {
            let lane = self.lane(self.members.len());
            self.members.push(Member { lane, tier: 0, weight: 0.0 });
        }
        self.members[lane].weight = weight;
        self.pool = Arc::new(Pool::new(self.members.clone()));
    }

    fn pick(&mut self, ask: &Ask<'_>, _random: &mut Random) -> Option<usize> {
        let now = moment(ask.now);
        let mut order = self.pool.order(now);
        ask.tried.iter().for_each(|lane| order.skip(*lane));
        let pick = order.next(now, &mut self.dice)?;
        self.picked = Some(pick.guard);
        Some(pick.index)
    }

    fn begun(&mut self, _now: Seconds, attempt: Attempt) {
        if let Some(guard) = self.picked.take() {
            self.running.insert(attempt.id, guard);
        }
    }

    fn first_token(&mut self, now: Seconds, attempt: Attempt, _ttft: Seconds) {
        if let Some(guard) = self.running.get_mut(&attempt.id) {
            guard.first_token(moment(now));
        }
    }

    fn ended(&mut self, now: Seconds, attempt: Attempt, end: End) {
        let Some(guard) = self.running.remove(&attempt.id) else { return };
        let now = moment(now);
        match end {
            End::Answered(tokens) => guard.success(now, Some(tokens)),
            End::Failed(status, _, retry_after) => {
                let retry_after = retry_after.map(Duration::from_secs_f64);
                let failure = LaneFailure { kind: Kind::UpstreamStatus, status };
                let hints = Hints { retry_after, ..Hints::default() };
                guard.failure(now, failure, Class::of_status(status, None), &hints);
            }
            End::TimedOut(_) => {
                let kind = Kind::UpstreamTimeout;
                let failure = LaneFailure { kind, status: 0 };
                guard.failure(now, failure, Class::of_kind(kind), &Hints::default());
            }
            End::Cancelled => drop(guard),
        }
    }
}
