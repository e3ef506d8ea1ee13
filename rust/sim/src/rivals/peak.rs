//! Peak-EWMA with power of two choices: latency x (in flight + 1), blind to failures.
//!
//! A slower sample than the average counts at once, a faster one only by time. The latency is that of the first token,
//! and a failure's is the time after which it failed: that is what blind means.

use super::two;
use crate::policy::{Ask, Attempt, End, Policy};
use crate::random::Random;

/// Seconds over which an average forgets, as the mesh that made it known has it.
const DECAY: f64 = 10.0;

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    latency: f64,
    at: f64,
    in_flight: u32,
}

/// One average a lane.
#[derive(Debug, Default)]
pub struct PeakEwma {
    lanes: Vec<Seen>,
}

impl PeakEwma {
    fn observe(&mut self, now: f64, lane: usize, latency: f64) {
        let seen = &mut self.lanes[lane];
        if latency > seen.latency {
            seen.latency = latency;
        } else {
            let kept = (-(now - seen.at) / DECAY).exp();
            seen.latency = seen.latency * kept + latency * (1.0 - kept);
        }
        seen.at = now;
    }

    fn load(&self, now: f64, lane: usize) -> f64 {
        let seen = self.lanes[lane];
        seen.latency * (-(now - seen.at) / DECAY).exp() * f64::from(seen.in_flight + 1)
    }
}

impl Policy for PeakEwma {
    fn joined(&mut self, _now: f64, lane: usize, _weight: f64) {
        // Known to be somewhere near a second, so that a new lane is not flooded.
        let fresh = Seen { latency: 1.0, ..Seen::default() };
        self.lanes.resize(self.lanes.len().max(lane + 1), fresh);
    }

    fn pick(&mut self, ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let open: Vec<_> = ask.open().collect();
        let (one, other) = two(&open, random)?;
        Some(if self.load(ask.now, other) < self.load(ask.now, one) { other } else { one })
    }

    fn begun(&mut self, _now: f64, attempt: Attempt) {
        self.lanes[attempt.lane].in_flight += 1;
    }

    fn first_token(&mut self, now: f64, attempt: Attempt, ttft: f64) {
        self.observe(now, attempt.lane, ttft);
    }

    fn ended(&mut self, now: f64, attempt: Attempt, end: End) {
        self.lanes[attempt.lane].in_flight -= 1;
        if let End::Failed(_, after, _) | End::TimedOut(after) = end {
            self.observe(now, attempt.lane, after);
        }
    }
}
