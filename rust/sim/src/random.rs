//! Randomness by name: the same seed, request and attempt have the same luck under every policy.
//!
//! Common random numbers make the difference of two policies far less noisy than either of them.

use std::f64::consts::TAU;

/// `SplitMix64`: small, seeded, good enough to draw latencies from.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator of its own for each list of names.
    pub fn of(names: &[u64]) -> Self {
        let mut random = Self(0x5eed);
        for &name in names {
            random.0 ^= name.wrapping_mul(0xd6e8_feb8_6659_fd93);
            random.0 = random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let whole = (self.next() >> 11) as f64;
        whole / 9_007_199_254_740_992.0
    }

    /// Uniform in 0..`below`, which must not be 0.
    pub fn below(&mut self, below: usize) -> usize {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let drawn = (self.uniform() * below as f64) as usize;
        drawn.min(below - 1)
    }

    /// Exponential with the given mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.uniform()).ln() * mean
    }

    /// Log-normal by its median and the deviation of its logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        median * (sigma * radius * (TAU * self.uniform()).cos()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_the_stream() {
        let draw = |names: &[u64]| Random::of(names).next();
        assert_eq!(draw(&[1, 2, 3]), draw(&[1, 2, 3]));
        assert_ne!(draw(&[1, 2, 3]), draw(&[1, 3, 2]));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::of(&[7]);
        let mut logs = 0.0;
        let mut waits = 0.0;
        for _ in 0..20_000 {
            logs += random.log_normal(2.0, 0.5).ln();
            waits += random.exponential(3.0);
        }
        assert!((logs / 20_000.0 - 2.0f64.ln()).abs() < 0.02);
        assert!((waits / 20_000.0 - 3.0).abs() < 0.1);
    }
}
