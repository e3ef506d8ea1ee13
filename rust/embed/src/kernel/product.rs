//! A product of matrices: a few rows by a piece of one panel at a time, so that all sums stay in registers.

#![expect(clippy::inline_always, reason = "all is compiled for the instructions that its caller may use")]

use super::lanes::Lanes;
use super::panels::{DEPTH, PANEL};

/// The most rows at a time: with two vectors a row, twelve sums of AVX2's sixteen registers.
const ROWS: usize = 6;

/// The left side: rows of `depth` numbers that begin `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    pub(crate) stride: usize,
}

/// What the sums start from.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// A number a column.
    Bias(&'a [f32]),
    /// What is there already.
    There,
}

/// Where a tile's sums go, and from what.
struct Place<'a> {
    start: Start<'a>,
    out: &'a mut [f32],
    stride: usize,
}

/// What is fetched into the cache meanwhile: the next piece, a part of it by each group of rows.
#[derive(Clone, Copy)]
struct Ahead<'a> {
    data: &'a [f32],
    step: usize,
}

/// See [`super::Kernel::product`]. Columns are whole panels: as many as `right` has.
#[inline(always)]
pub(super) fn product<L: Lanes>(
    left: Left<'_>,
    right: &[f32],
    start: Start<'_>,
    out: &mut [f32],
    stride: usize,
) {
    let panels = right.len() / (PANEL * left.depth);
    let groups = left.rows.div_ceil(ROWS);
    let (mut done, mut rest) = (0, right);
    while done < left.depth {
        let depth = DEPTH.min(left.depth - done);
        for column in (0..panels).map(|panel| panel * PANEL) {
            let start = match start {
                _ if done > 0 => Start::There,
                Start::Bias(bias) => Start::Bias(&bias[column..]),
                other => other,
            };
            let (piece, behind) = rest.split_at(depth * PANEL);
            rest = behind;
            let ahead = Ahead { data: behind, step: PANEL.div_ceil(groups) };
            strip::<L>(left, done, piece, ahead, Place { start, out: &mut out[column..], stride });
        }
        done += depth;
    }
}

/// All rows by a piece of one panel, in groups of nearly the same size.
#[inline(always)]
fn strip<L: Lanes>(left: Left<'_>, from: usize, piece: &[f32], mut ahead: Ahead<'_>, place: Place<'_>) {
    let Place { start, out, stride } = place;
    let mut row = 0;
    let groups = left.rows.div_ceil(ROWS);
    for group in 0..groups {
        let rows = (left.rows - row).div_ceil(groups - group);
        let a = &left.data[row * left.stride + from..];
        let out = Place { start, out: &mut out[row * stride..], stride };
        match rows {
            6 => tile::<L, 6>(a, left.stride, piece, ahead, out),
            5 => tile::<L, 5>(a, left.stride, piece, ahead, out),
            4 => tile::<L, 4>(a, left.stride, piece, ahead, out),
            3 => tile::<L, 3>(a, left.stride, piece, ahead, out),
            2 => tile::<L, 2>(a, left.stride, piece, ahead, out),
            _ => tile::<L, 1>(a, left.stride, piece, ahead, out),
        }
        row += rows;
        ahead.data = ahead.data.get(piece.len() / PANEL * ahead.step..).unwrap_or_default();
    }
}

#[inline(always)]
fn tile<L: Lanes, const N: usize>(
    a: &[f32],
    stride: usize,
    piece: &[f32],
    ahead: Ahead<'_>,
    place: Place<'_>,
) {
    let Place { start, out, stride: apart } = place;
    let piece = piece.as_chunks::<PANEL>().0;
    let rows: [&[f32]; N] = std::array::from_fn(|row| &a[row * stride..][..piece.len()]);
    // No closure: it would not be compiled for the instructions that the caller may use.
    let mut sums = [[L::splat(0.0); 2]; N];
    for (row, sums) in sums.iter_mut().enumerate() {
        match start {
            Start::Zero => {}
            Start::Bias(bias) => *sums = halves(bias),
            Start::There => *sums = halves(&out[row * apart..]),
        }
    }
    for (index, right) in piece.iter().enumerate() {
        L::fetch(ahead.data, index * ahead.step);
        let right: [L; 2] = halves(right);
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let left = L::splat(row[index]);
            *sums = [left.fma(right[0], sums[0]), left.fma(right[1], sums[1])];
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        let (halves, _) = out[row * apart..][..PANEL].as_chunks_mut();
        for (half, sum) in halves.iter_mut().zip(sums) {
            *half = sum.array();
        }
    }
}

/// The first sixteen.
#[inline(always)]
fn halves<L: Lanes>(row: &[f32]) -> [L; 2] {
    let (halves, _) = row[..PANEL].as_chunks::<8>();
    [L::load(&halves[0]), L::load(&halves[1])]
}
