//! What a vector is stored as: its direction in f32, and the same in one signed byte a value for the first, coarse look.

use std::fmt;

use crate::dot::{LINE, Line};

/// Why a vector cannot be stored or looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It has not as many values as the index has dimensions.
    Length,
    /// A value is infinite or not a number, or all are (almost) zero, so that it has no direction.
    Direction,
}

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Length => "the vector has not the index's number of dimensions",
            Self::Direction => "the vector has no direction",
        })
    }
}

impl std::error::Error for Refused {}

/// A vector at length 1.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub(crate) unit: Vec<f32>,
    pub(crate) code: Code,
}

/// A vector in signed bytes: a value is nearly its byte times `scale`.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) lines: Vec<Line>,
    pub(crate) scale: f32,
}

impl Vector {
    pub(crate) fn new(values: &[f32], dimensions: usize) -> Result<Self, Refused> {
        if values.len() != dimensions {
            return Err(Refused::Length);
        }
        let length = values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        if !length.is_finite() || length < 1e-12 {
            return Err(Refused::Direction);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a share of the length is at most 1")]
        let unit = values.iter().map(|&value| (f64::from(value) / length) as f32).collect();
        Ok(Self::of_unit(unit))
    }

    /// Takes values that [`Vector::new`] once made.
    pub(crate) fn of_unit(unit: Vec<f32>) -> Self {
        let code = Code::new(&unit);
        Self { unit, code }
    }
}

impl Code {
    fn new(unit: &[f32]) -> Self {
        let largest = unit.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        // -128 never occurs: the kernels rely on it.
        let factor = 127.0 / largest;
        let mut lines = vec![Line::default(); unit.len().div_ceil(LINE)];
        for (line, values) in lines.iter_mut().zip(unit.chunks(LINE)) {
            for (byte, value) in line.0.iter_mut().zip(values) {
                #[expect(clippy::cast_possible_truncation, reason = "it is within -127..=127")]
                let rounded = (value * factor).round_ties_even() as i8;
                *byte = rounded;
            }
        }
        Self { lines, scale: largest / 127.0 }
    }
}

/// The cosine of two unit vectors. Its sixteen sums are always added in one order, so every machine gets one answer.
pub(crate) fn cosine(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (lefts, left_rest) = left.as_chunks::<LANES>();
    let (rights, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (left, right) in lefts.iter().zip(rights) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f32>() + rest
}
