//! Eight numbers at a time.

#![expect(clippy::inline_always, reason = "all is compiled for the instructions that its caller may use")]

use super::{FUSED, fma};

/// Eight numbers in registers.
///
/// Its functions are always inlined: a type may stand for instructions that only some machines have, and is then used
/// only in functions that are compiled for them.
pub(super) trait Lanes: Copy {
    fn splat(value: f32) -> Self;
    fn load(values: &[f32; 8]) -> Self;
    /// `self * factor + add`.
    fn fma(self, factor: Self, add: Self) -> Self;
    fn array(self) -> [f32; 8];
    /// Asks for what stands there to come into the cache; there may be nothing.
    fn fetch(values: &[f32], at: usize);
}

/// For every machine.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 8]);

impl Lanes for Plain {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    fn load(values: &[f32; 8]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn fma(self, factor: Self, add: Self) -> Self {
        Self(std::array::from_fn(|lane| fma::<FUSED>(self.0[lane], factor.0[lane], add.0[lane])))
    }

    #[inline(always)]
    fn array(self) -> [f32; 8] {
        self.0
    }

    #[inline(always)]
    fn fetch(_: &[f32], _: usize) {}
}

/// For AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use std::arch::x86_64::{
        __m256, _MM_HINT_T0, _mm_prefetch, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps,
    };

    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256);

    #[expect(unsafe_code, reason = "vector instructions")]
    // SAFETY, of each: only functions that are compiled for AVX2 and FMA use this type. Loads and stores ask for no
    // alignment, and their pointers are to eight numbers.
    impl super::Lanes for Avx2 {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Self(unsafe { _mm256_set1_ps(value) })
        }

        #[inline(always)]
        fn load(values: &[f32; 8]) -> Self {
            Self(unsafe { _mm256_loadu_ps(values.as_ptr()) })
        }

        #[inline(always)]
        fn fma(self, factor: Self, add: Self) -> Self {
            Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, add.0) })
        }

        #[inline(always)]
        fn array(self) -> [f32; 8] {
            let mut array = [0.0; 8];
            unsafe { _mm256_storeu_ps(array.as_mut_ptr(), self.0) };
            array
        }

        #[inline(always)]
        fn fetch(values: &[f32], at: usize) {
            // An address that is not there does no harm.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(at).cast()) };
        }
    }
}
