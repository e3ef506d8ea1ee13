//! score = 0.5 error + 0.2 latency + 0.05 utilisation; weight = 1 + (1 - score) x 999, anew each 5 s; a quarter of the
//! traffic explores.
//!
//! Each part is in 0..1: the share of failures since the last time, the mean latency against the slowest lane's, the
//! share of all that is in flight.

use crate::policy::{Ask, Attempt, End, Policy};
use crate::random::Random;

const EVERY: f64 = 5.0;
const EXPLORES: f64 = 0.25;

#[derive(Debug, Clone, Copy)]
struct Seen {
    weight: f64,
    answers: f64,
    failures: f64,
    waited: f64,
    waits: f64,
    latency: f64,
    in_flight: f64,
}

/// Weights that are worked out in steps.
#[derive(Debug, Default)]
pub struct Reweighted {
    lanes: Vec<Seen>,
    due: f64,
}

impl Reweighted {
    fn reweigh(&mut self, now: f64) {
        self.due = now + EVERY;
        for seen in &mut self.lanes {
            if seen.waits > 0.0 {
                seen.latency = seen.waited / seen.waits;
            }
        }
        let slowest = self.lanes.iter().map(|seen| seen.latency).fold(f64::MIN_POSITIVE, f64::max);
        let running: f64 = self.lanes.iter().map(|seen| seen.in_flight).sum();
        for seen in &mut self.lanes {
            let ended = seen.answers + seen.failures;
            let error = if ended > 0.0 { seen.failures / ended } else { 0.0 };
            let score = 0.5 * error + 0.2 * seen.latency / slowest + 0.05 * seen.in_flight / running.max(1.0);
            *seen = Seen {
                weight: 1.0 + (1.0 - score) * 999.0,
                answers: 0.0,
                failures: 0.0,
                waited: 0.0,
                waits: 0.0,
                ..*seen
            };
        }
    }
}

impl Policy for Reweighted {
    fn joined(&mut self, _now: f64, lane: usize, _weight: f64) {
        let fresh = Seen {
            weight: 1000.0,
            answers: 0.0,
            failures: 0.0,
            waited: 0.0,
            waits: 0.0,
            latency: 0.0,
            in_flight: 0.0,
        };
        self.lanes.resize(self.lanes.len().max(lane + 1), fresh);
    }

    fn pick(&mut self, ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        if ask.now >= self.due {
            self.reweigh(ask.now);
        }
        let explores = random.uniform() < EXPLORES;
        let weight = |lane: usize| if explores { 1.0 } else { self.lanes[lane].weight };
        let total: f64 = ask.open().map(weight).sum();
        let mut point = random.uniform() * total;
        let mut last = None;
        for lane in ask.open() {
            last = Some(lane);
            point -= weight(lane);
            if point < 0.0 {
                break;
            }
        }
        last
    }

    fn begun(&mut self, _now: f64, attempt: Attempt) {
        self.lanes[attempt.lane].in_flight += 1.0;
    }

    fn first_token(&mut self, _now: f64, attempt: Attempt, ttft: f64) {
        self.lanes[attempt.lane].waited += ttft;
        self.lanes[attempt.lane].waits += 1.0;
    }

    fn ended(&mut self, _now: f64, attempt: Attempt, end: End) {
        let seen = &mut self.lanes[attempt.lane];
        seen.in_flight -= 1.0;
        match end {
            End::Answered(_) => seen.answers += 1.0,
            End::Failed(..) | End::TimedOut(_) => seen.failures += 1.0,
            End::Cancelled => {}
        }
    }
}
