//! Means with their intervals, and percentiles.

use serde::Serialize;

/// A mean over seeds, and half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The true mean is this near, 19 times of 20.
    pub within: f64,
}

/// Student's t at 97.5 % for 1, 2, .. degrees of freedom; beyond, the normal's.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

impl Estimate {
    /// Of independent values.
    #[expect(clippy::cast_precision_loss, reason = "a number of seeds")]
    pub fn of(values: &[f64]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let Some(freedom) = values.len().checked_sub(1).filter(|freedom| *freedom > 0) else {
            return Self { mean, within: 0.0 };
        };
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom as f64;
        let t = T.get(freedom - 1).copied().unwrap_or(1.96);
        Self { mean, within: t * (variance / count).sqrt() }
    }
}

/// The value below which `share` of `values` lie, by the nearest rank; 0 where there is none.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = ((values.len() as f64 * share).ceil() as usize).saturating_sub(1);
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_students() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0]);
        assert!((estimate.mean - 2.0).abs() < 1e-12);
        assert!((estimate.within - 4.303 / 3.0f64.sqrt()).abs() < 1e-9);
        assert!(Estimate::of(&[5.0]).within.abs() < 1e-12);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<_> = (1..=100).rev().map(f64::from).collect();
        assert!((percentile(&mut values, 0.99) - 99.0).abs() < 1e-12);
        assert!(percentile(&mut [], 0.5).abs() < 1e-12);
    }
}
