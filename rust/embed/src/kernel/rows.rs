//! What is done to rows between products.

#![expect(clippy::inline_always, reason = "all is compiled for the instructions that its caller may use")]

use super::{Norm, fma};

const LANES: usize = 8;

/// Adding it leaves the nearest whole number in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// ln(2) in two parts; whole numbers times the first one are exact.
const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

#[inline(always)]
pub(super) fn add_norm<const FUSED: bool>(x: &mut [f32], y: &[f32], norm: &Norm<'_>) {
    let width = norm.scale.len();
    for (x, y) in x.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
        for (x, &y) in x.iter_mut().zip(y) {
            *x += y;
        }
        let count = count(width);
        let mean = sum(x, |value| value) / count;
        let variance = sum(x, |value| (value - mean) * (value - mean)) / count;
        let factor = 1.0 / (variance + norm.epsilon).sqrt();
        for ((x, &scale), &shift) in x.iter_mut().zip(norm.scale).zip(norm.shift) {
            *x = fma::<FUSED>((*x - mean) * factor, scale, shift);
        }
    }
}

#[inline(always)]
pub(super) fn softmax<const FUSED: bool>(x: &mut [f32], width: usize, count: usize) {
    for row in x.chunks_exact_mut(width) {
        let (row, rest) = row.split_at_mut(count);
        rest.fill(0.0);
        let largest = largest(row);
        for value in &mut *row {
            *value = exp::<FUSED>(*value - largest);
        }
        let factor = 1.0 / sum(row, |value| value);
        for value in row {
            *value *= factor;
        }
    }
}

#[inline(always)]
pub(super) fn gelu<const FUSED: bool>(x: &mut [f32]) {
    for value in x {
        let half = 0.5 * *value;
        *value = fma::<FUSED>(half, erf::<FUSED>(*value * std::f32::consts::FRAC_1_SQRT_2), half);
    }
}

/// The error function by formula 7.1.26 of Abramowitz and Stegun, "Handbook of Mathematical Functions": within
/// 1.5e-7, and a little more for the rounding of single precision.
#[inline(always)]
fn erf<const FUSED: bool>(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / fma::<FUSED>(0.327_591_1, size, 1.0);
    let mut sum = fma::<FUSED>(1.061_405_4, t, -1.453_152);
    sum = fma::<FUSED>(sum, t, 1.421_413_7);
    sum = fma::<FUSED>(sum, t, -0.284_496_74);
    sum = fma::<FUSED>(sum, t, 0.254_829_6);
    let tail = sum * t * exp::<FUSED>(-(size * size));
    (1.0 - tail).copysign(x)
}

/// The exponential function of what is not positive: 2 to a whole power, times a polynomial on ±ln(2)/2.
///
/// Within 1e-6 of the result's size; below -87 it stays at what -87 gives, which is nothing beside one.
#[inline(always)]
fn exp<const FUSED: bool>(x: f32) -> f32 {
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = fma::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
    let power = shifted - ROUND;
    let rest = fma::<FUSED>(power, -LN2[1], fma::<FUSED>(power, -LN2[0], x));
    let mut sum = fma::<FUSED>(1.0 / 720.0, rest, 1.0 / 120.0);
    sum = fma::<FUSED>(sum, rest, 1.0 / 24.0);
    sum = fma::<FUSED>(sum, rest, 1.0 / 6.0);
    sum = fma::<FUSED>(sum, rest, 0.5);
    sum = fma::<FUSED>(sum, rest, 1.0);
    sum = fma::<FUSED>(sum, rest, 1.0);
    f32::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// The sum of a function of each number, by lanes.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        for (sum, &value) in sums.iter_mut().zip(block) {
            *sum += of(value);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&value| of(value)).sum::<f32>()
}

#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut found = [f32::NEG_INFINITY; LANES];
    for block in blocks {
        for (found, &value) in found.iter_mut().zip(block) {
            *found = if value > *found { value } else { *found };
        }
    }
    found.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// The width as a divisor: widths are far below 2^24.
#[expect(clippy::cast_precision_loss, reason = "a width is far below 2^24")]
fn count(width: usize) -> f32 {
    width as f32
}
