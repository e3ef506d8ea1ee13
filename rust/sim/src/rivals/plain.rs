//! The three that look at nothing, or at one counter.

use crate::policy::{Ask, Attempt, End, Policy};
use crate::random::Random;

/// Drawn by the configured weights.
#[derive(Debug, Default)]
pub struct StaticWeighted {
    weights: Vec<f64>,
}

impl Policy for StaticWeighted {
    fn joined(&mut self, _now: f64, lane: usize, weight: f64) {
        self.weights.resize(self.weights.len().max(lane + 1), 1.0);
        self.weights[lane] = weight;
    }

    fn pick(&mut self, ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let total: f64 = ask.open().map(|lane| self.weights[lane]).sum();
        let mut point = random.uniform() * total;
        let mut last = None;
        for lane in ask.open() {
            last = Some(lane);
            point -= self.weights[lane];
            if point < 0.0 {
                break;
            }
        }
        last
    }
}

/// One after the other.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: usize,
}

impl Policy for RoundRobin {
    fn pick(&mut self, ask: &Ask<'_>, _random: &mut Random) -> Option<usize> {
        let lanes = ask.present.len();
        let lane = ask.open().min_by_key(|lane| (lane + lanes - self.next % lanes) % lanes)?;
        self.next = lane + 1;
        Some(lane)
    }
}

/// The one with the fewest requests in flight; ties are drawn.
#[derive(Debug, Default)]
pub struct LeastInFlight {
    in_flight: Vec<u32>,
}

impl Policy for LeastInFlight {
    fn joined(&mut self, _now: f64, lane: usize, _weight: f64) {
        self.in_flight.resize(self.in_flight.len().max(lane + 1), 0);
    }

    fn pick(&mut self, ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let least = ask.open().map(|lane| self.in_flight[lane]).min()?;
        let tied: Vec<_> = ask.open().filter(|lane| self.in_flight[*lane] == least).collect();
        tied.get(random.below(tied.len())).copied()
    }

    fn begun(&mut self, _now: f64, attempt: Attempt) {
        self.in_flight[attempt.lane] += 1;
    }

    fn ended(&mut self, _now: f64, attempt: Attempt, _end: End) {
        self.in_flight[attempt.lane] -= 1;
    }
}
