//! The same in plain Rust, which compilers turn into vector instructions where the target has them.

use super::{Kernel, Line};

pub(super) const KERNEL: Kernel = Kernel { one, many };

pub(super) fn one(left: &[Line], right: &[Line]) -> i32 {
    left.iter().zip(right).map(|(left, right)| line(left, right)).sum()
}

fn many(query: &[Line], rows: &[Line], out: &mut [i32]) {
    for (product, row) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
        *product = one(query, row);
    }
}

#[inline]
fn line(left: &Line, right: &Line) -> i32 {
    left.0.iter().zip(&right.0).map(|(&left, &right)| i32::from(i16::from(left) * i16::from(right))).sum()
}
