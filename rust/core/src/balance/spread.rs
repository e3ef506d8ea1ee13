//! The spread of first-token times, for the moment after which a hedge is worth sending.
//!
//! Buckets grow by a fifth from 10 ms, so a percentile is right to 20 %. Two halves of 60 s take turns, and both are
//! read.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Moment;

const BUCKETS: usize = 50;
const FIRST: f64 = 0.010;
const GROWS: f64 = 1.2;
const HALF: u64 = 60;
/// Below this many samples a percentile is a guess.
const ENOUGH: u32 = 20;

#[derive(Debug)]
struct Half {
    turn: AtomicU64,
    counts: [AtomicU32; BUCKETS],
}

impl Default for Half {
    fn default() -> Self {
        Self { turn: AtomicU64::new(0), counts: [const { AtomicU32::new(0) }; BUCKETS] }
    }
}

/// Two halves of counts.
#[derive(Debug, Default)]
pub(super) struct Spread([Half; 2]);

impl Spread {
    pub(super) fn observe(&self, now: Moment, seconds: f64) {
        let turn = now.seconds() / HALF + 1;
        let half = &self.0[usize::from(turn % 2 == 1)];
        let held = half.turn.load(Relaxed);
        if held != turn && half.turn.compare_exchange(held, turn, Relaxed, Relaxed).is_ok() {
            half.counts.iter().for_each(|count| count.store(0, Relaxed));
        }
        half.counts[bucket(seconds)].fetch_add(1, Relaxed);
    }

    /// The time within which `share` of the first tokens came, as the upper edge of its bucket.
    pub(super) fn percentile(&self, now: Moment, share: f64) -> Option<Duration> {
        let turn = now.seconds() / HALF + 1;
        let mut counts = [0u32; BUCKETS];
        for half in self.0.iter().filter(|half| half.turn.load(Relaxed) + 1 >= turn) {
            for (sum, count) in counts.iter_mut().zip(&half.counts) {
                *sum += count.load(Relaxed);
            }
        }
        let all: u32 = counts.iter().sum();
        if all < ENOUGH {
            return None;
        }
        let wanted = f64::from(all) * share;
        let mut seen = 0;
        let found = counts.iter().position(|count| {
            seen += count;
            f64::from(seen) >= wanted
        })?;
        let edge = FIRST * GROWS.powi(i32::try_from(found).unwrap_or(0));
        Some(Duration::from_secs_f64(edge))
    }
}

fn bucket(seconds: f64) -> usize {
    let steps = (seconds / FIRST).max(1.0).ln() / GROWS.ln();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0, and capped")]
    let index = steps.ceil() as usize;
    index.min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn a_percentile_is_right_to_a_fifth_and_forgets() {
        let spread = Spread::default();
        for step in 1..=19 {
            spread.observe(at(1), f64::from(step) * 0.1);
        }
        assert_eq!(spread.percentile(at(1), 0.95), None, "19 samples are too few");
        spread.observe(at(1), 2.0);
        let p95 = spread.percentile(at(100), 0.95).unwrap().as_secs_f64();
        assert!((1.9..1.9 * GROWS).contains(&p95), "{p95}");
        assert_eq!(spread.percentile(at(181), 0.95), None);
    }
}
