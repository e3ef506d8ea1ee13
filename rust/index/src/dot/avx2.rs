//! AVX2: thirty-two products an instruction. `maddubs` wants one unsigned side, so the sign of the left one moves to
//! the right one; pairs then stay below 2 * 127 * 127, which sixteen bits hold.
#![expect(unsafe_code, reason = "vector instructions: loads take pointers, and AVX2 has to be detected")]

use std::arch::x86_64::{
    __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_abs_epi8, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_load_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_sign_epi8,
};

use super::{Kernel, Line};

pub(super) fn detected() -> Option<Kernel> {
    std::arch::is_x86_feature_detected!("avx2").then_some(Kernel { one, many })
}

fn one(left: &[Line], right: &[Line]) -> i32 {
    // SAFETY: `detected` alone hands this out, where there is AVX2.
    unsafe { product(left, right) }
}

fn many(query: &[Line], rows: &[Line], out: &mut [i32]) {
    // SAFETY: `detected` alone hands this out, where there is AVX2.
    unsafe { products(query, rows, out) }
}

#[target_feature(enable = "avx2")]
fn products(query: &[Line], rows: &[Line], out: &mut [i32]) {
    for (to, row) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
        *to = product(query, row);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn product(left: &[Line], right: &[Line]) -> i32 {
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_si256(); 2];
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(halves(left)).zip(halves(right)) {
            let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(left), _mm256_sign_epi8(right, left));
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
        }
    }
    let eight = _mm256_add_epi32(sums[0], sums[1]);
    let four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256::<1>(eight));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn halves(line: &Line) -> [__m256i; 2] {
    let (blocks, _) = line.0.as_chunks::<32>();
    // SAFETY: a line is aligned to 64 bytes and its halves are 32 readable bytes each.
    unsafe { [_mm256_load_si256(blocks[0].as_ptr().cast()), _mm256_load_si256(blocks[1].as_ptr().cast())] }
}
