//! A mean that forgets by time and by number, in one atomic word.
//!
//! The weight of a new sample is the largest of: what the time since the last one has made stale, 1 in 32, and 1 in the
//! number of samples so far. So a busy lane is judged by its last few dozen answers, an idle one by its last, and the
//! first samples count alike. Value (f32, seconds), time (24 bits of 16 ms, which wrap after three days; a wrap makes one
//! sample count less) and number (8 bits) change together by compare-and-swap.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Moment;
use super::tuning::{FORGETS, MEMORY};

/// One time-decayed mean.
#[derive(Debug, Default)]
pub(super) struct Estimate(AtomicU64);

const TICKS: u64 = 0xff_ffff;
/// A minute of ticks: so far apart two threads never read their clocks.
const SKEW: u64 = 3_750;

impl Estimate {
    /// Takes in a sample, in seconds.
    pub(super) fn observe(&self, now: Moment, sample: f64) {
        let tick = (now.millis() / 16) & TICKS;
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let (value, at, number) = unpack(word);
            let passed = tick.wrapping_sub(at) & TICKS;
            // Another thread read its clock a little later and was here first.
            let (passed, tick) = if number > 0 && passed > TICKS - SKEW { (0, at) } else { (passed, tick) };
            let idle = f64::from(u32::try_from(passed).unwrap_or(0)) * 0.016;
            let stale = 1.0 - (-idle / FORGETS.as_secs_f64()).exp();
            let step = stale.max(1.0 / MEMORY).max(1.0 / f64::from(number + 1));
            Some(pack(value + (sample - value) * step, tick, number.saturating_add(1).min(255)))
        });
    }

    /// The mean in seconds; None before the first sample.
    pub(super) fn get(&self) -> Option<f64> {
        let (value, _, number) = unpack(self.0.load(Relaxed));
        (number > 0).then_some(value)
    }

    /// How many samples there were, up to 255.
    pub(super) fn samples(&self) -> u32 {
        unpack(self.0.load(Relaxed)).2
    }
}

fn unpack(word: u64) -> (f64, u64, u32) {
    let value = f32::from_bits(u32::try_from(word >> 32).unwrap_or(0));
    (f64::from(value), (word >> 8) & TICKS, u32::from(word.to_le_bytes()[0]))
}

#[expect(clippy::cast_possible_truncation, reason = "seven digits of a latency are enough")]
fn pack(value: f64, tick: u64, number: u32) -> u64 {
    (u64::from((value as f32).to_bits()) << 32) | (tick << 8) | u64::from(number)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: f64) -> Moment {
        Moment::after_start(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn the_first_samples_count_alike() {
        let estimate = Estimate::default();
        assert_eq!(estimate.get(), None);
        for (step, sample) in [1.0, 2.0, 6.0].into_iter().enumerate() {
            estimate.observe(at(f64::from(u8::try_from(step).unwrap()) * 0.01), sample);
        }
        assert!((estimate.get().unwrap() - 3.0).abs() < 1e-6);
    }

    #[test]
    fn time_makes_the_past_stale() {
        let forgets = FORGETS.as_secs_f64();
        let estimate = Estimate::default();
        for _ in 0..100 {
            estimate.observe(at(1.0), 4.0);
        }
        estimate.observe(at(1.0 + forgets), 1.0);
        let expected = 1.0 + 3.0 * (-1.0f64).exp();
        assert!((estimate.get().unwrap() - expected).abs() < 0.01, "{:?}", estimate.get());
        estimate.observe(at(1.0 + 20.0 * forgets), 2.0);
        assert!((estimate.get().unwrap() - 2.0).abs() < 1e-3);
    }

    #[test]
    fn a_clock_that_was_read_before_makes_nothing_stale() {
        let estimate = Estimate::default();
        for _ in 0..100 {
            estimate.observe(at(10.0), 1.0);
        }
        estimate.observe(at(9.9), 5.0);
        assert!(estimate.get().unwrap() < 1.2);
        estimate.observe(at(10.0), 1.0);
        assert!(estimate.get().unwrap() < 1.2);
    }

    #[test]
    fn a_busy_lane_is_judged_by_its_last_few_dozen() {
        let estimate = Estimate::default();
        for _ in 0..200 {
            estimate.observe(at(1.0), 1.0);
        }
        for _ in 0..100 {
            estimate.observe(at(1.0), 5.0);
        }
        assert!(estimate.get().unwrap() > 4.8);
    }
}
