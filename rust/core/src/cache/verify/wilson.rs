//! Bounds of a share that was seen in a sample (Wilson, 1927).

/// One-sided 95 %.
const Z: f64 = 1.644_853_626_951_472_7;

/// A share: as seen, and between which bounds it lies; each bound holds with 95 % for itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) seen: f64,
    pub(super) lower: f64,
    pub(super) upper: f64,
}

impl Rate {
    /// Of `errors` in `samples`; nothing is known of none.
    pub(super) fn of(errors: usize, samples: usize) -> Self {
        if samples == 0 {
            return Self { seen: 0.0, lower: 0.0, upper: 1.0 };
        }
        let (errors, samples) = (real(errors), real(samples));
        let (seen, squared) = (errors / samples, Z * Z);
        let centre = seen + squared / (2.0 * samples);
        let half = Z * (seen * (1.0 - seen) / samples + squared / (4.0 * samples * samples)).sqrt();
        let scale = 1.0 + squared / samples;
        Self { seen, lower: ((centre - half) / scale).max(0.0), upper: ((centre + half) / scale).min(1.0) }
    }

    /// Without the share that is there by chance.
    pub(super) fn beyond(self, chance: f64) -> Self {
        let less = |share: f64| (share - chance).max(0.0);
        Self { seen: less(self.seen), lower: less(self.lower), upper: less(self.upper) }
    }
}

/// Counts of samples, all far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of samples are small")]
pub(super) const fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_formula() {
        // By hand: n = 200, z^2 = 2.7055: 0 errors give z^2 / (n + z^2); the others by the published formula.
        let near = |left: f64, right: f64| assert!((left - right).abs() < 5e-5, "{left} {right}");
        near(Rate::of(0, 200).upper, 2.705_543 / 202.705_543);
        near(Rate::of(0, 200).lower, 0.0);
        near(Rate::of(1, 200).upper, 0.022_097);
        near(Rate::of(10, 100).upper, 0.160_36);
        near(Rate::of(10, 100).lower, 0.060_72);
        near(Rate::of(100, 100).upper, 1.0);
    }

    #[test]
    fn nothing_is_known_of_nothing_and_chance_is_taken_off() {
        assert!((Rate::of(0, 0).upper - 1.0).abs() < f64::EPSILON);
        let rate = Rate::of(4, 200).beyond(0.01);
        assert!((rate.seen - 0.01).abs() < 1e-12);
        assert!(rate.lower < rate.seen && rate.seen < rate.upper);
        assert!(Rate::of(1, 200).beyond(0.01).seen.abs() < f64::EPSILON);
    }
}
