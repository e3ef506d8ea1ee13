//! score = health / (1 + latency x (1 + 0.1 x pending)), averages that move by 0.3 an event, the better of two.

use super::two;
use crate::policy::{Ask, Attempt, End, Policy};
use crate::random::Random;

const STEP: f64 = 0.3;

#[derive(Debug, Clone, Copy)]
struct Seen {
    health: f64,
    latency: f64,
    pending: u32,
}

/// Health and latency of each lane.
#[derive(Debug, Default)]
pub struct Scored {
    lanes: Vec<Seen>,
}

impl Scored {
    fn score(&self, lane: usize) -> f64 {
        let seen = self.lanes[lane];
        seen.health / (1.0 + seen.latency * (1.0 + 0.1 * f64::from(seen.pending)))
    }
}

impl Policy for Scored {
    fn joined(&mut self, _now: f64, lane: usize, _weight: f64) {
        let fresh = Seen { health: 1.0, latency: 0.0, pending: 0 };
        self.lanes.resize(self.lanes.len().max(lane + 1), fresh);
    }

    fn pick(&mut self, ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let open: Vec<_> = ask.open().collect();
        let (one, other) = two(&open, random)?;
        Some(if self.score(other) > self.score(one) { other } else { one })
    }

    fn begun(&mut self, _now: f64, attempt: Attempt) {
        self.lanes[attempt.lane].pending += 1;
    }

    fn first_token(&mut self, _now: f64, attempt: Attempt, ttft: f64) {
        let seen = &mut self.lanes[attempt.lane];
        seen.latency += STEP * (ttft - seen.latency);
    }

    fn ended(&mut self, _now: f64, attempt: Attempt, end: End) {
        let seen = &mut self.lanes[attempt.lane];
        seen.pending -= 1;
        match end {
            End::Answered(_) => seen.health += STEP * (1.0 - seen.health),
            End::Failed(..) | End::TimedOut(_) => seen.health -= STEP * seen.health,
            End::Cancelled => {}
        }
    }
}
