//! AVX-512 VNNI: sixty-four products an instruction. `dpbusd` wants one unsigned side, so the left one is raised by
//! 128, and 128 times the right one's sum is taken off again.
#![expect(unsafe_code, reason = "vector instructions: loads take pointers, and AVX-512 has to be detected")]

use std::arch::x86_64::{
    __m512i, _mm512_dpbusd_epi32, _mm512_load_si512, _mm512_reduce_add_epi32, _mm512_set1_epi8,
    _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi32, _mm512_xor_si512,
};

use super::{Kernel, Line};

pub(super) fn detected() -> Option<Kernel> {
    let there = std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vnni");
    there.then_some(Kernel { one, many })
}

fn one(left: &[Line], right: &[Line]) -> i32 {
    // SAFETY: `detected` alone hands this out, where there is AVX-512 with VNNI.
    unsafe { product(left, right) }
}

fn many(query: &[Line], rows: &[Line], out: &mut [i32]) {
    // SAFETY: `detected` alone hands this out, where there is AVX-512 with VNNI.
    unsafe { products(query, rows, out) }
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn products(query: &[Line], rows: &[Line], out: &mut [i32]) {
    for (to, row) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
        *to = product(query, row);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn product(left: &[Line], right: &[Line]) -> i32 {
    let (raise, ones) = (_mm512_set1_epi8(-128), _mm512_set1_epi8(1));
    let mut raised = _mm512_setzero_si512();
    let mut sum = _mm512_setzero_si512();
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (load(left), load(right));
        raised = _mm512_dpbusd_epi32(raised, _mm512_xor_si512(left, raise), right);
        sum = _mm512_dpbusd_epi32(sum, ones, right);
    }
    _mm512_reduce_add_epi32(_mm512_sub_epi32(raised, _mm512_slli_epi32::<7>(sum)))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(line: &Line) -> __m512i {
    // SAFETY: a line is 64 readable bytes, aligned to 64.
    unsafe { _mm512_load_si512(line.0.as_ptr().cast()) }
}
