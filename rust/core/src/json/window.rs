//! Looking ahead in strings: one look at a window of 256 bytes finds all in it that could end or spoil a string, and
//! serves every string in that window.
//!
//! Thirty-two bytes at a time with AVX2, where the machine that runs this has it; sixteen with SSE2, which every x86-64
//! has; eight elsewhere.

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use portable as baseline;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use sse2 as baseline;

/// The bytes whose marks fit a word, a bit each, the first one lowest.
const PART: usize = 64;

/// How many bytes one look takes in: so many that the call does not count.
const BYTES: usize = 4 * PART;

/// A window of a document that was looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    /// One past its last byte, maybe behind the document's end.
    pub(super) end: usize,
    /// Whether any of its bytes is outside ASCII.
    pub(super) beyond_ascii: bool,
    /// Set for quotes, backslashes and control characters.
    special: [u64; BYTES / PART],
}

impl Window {
    pub(super) fn start(&self) -> usize {
        self.end - BYTES
    }

    /// The marks from `at` to the end of its part. `at` must not be in front of the window.
    #[inline]
    pub(super) fn special(&self, at: usize) -> u64 {
        let skipped = at + BYTES - self.end;
        self.special.get(skipped / PART).map_or(0, |part| part >> (skipped % PART))
    }

    /// The first special byte from `at` on, and the marks from it on.
    #[inline]
    pub(super) fn find(&self, at: usize) -> Option<(usize, u64)> {
        let skipped = at + BYTES - self.end;
        let marks = self.special.get(skipped / PART)? >> (skipped % PART);
        if marks == 0 {
            return self.first(skipped / PART + 1);
        }
        Some((at + marks.trailing_zeros() as usize, marks >> marks.trailing_zeros()))
    }

    /// The first special byte from a part on, and the marks from it on.
    #[inline]
    pub(super) fn first(&self, part: usize) -> Option<(usize, u64)> {
        let found = self.special.get(part..)?.iter().position(|&marks| marks != 0)? + part;
        let marks = self.special[found];
        let skipped = marks.trailing_zeros();
        Some((self.start() + found * PART + skipped as usize, marks >> skipped))
    }
}

/// Moves to the next window from a place on that has a special byte or one beyond ASCII, else to the last one.
pub(super) type Look = fn(&mut Window, document: &[u8], from: usize);

/// The best way to look that this machine has.
#[inline]
pub(super) fn look() -> Look {
    #[cfg(target_arch = "x86_64")]
    if let Some(look) = avx2::detected() {
        return look;
    }
    baseline::look
}

/// What stands in a part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks {
    special: u64,
    beyond_ascii: bool,
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for the instructions that its caller may use")]
fn look_by(marks: impl Fn(&[u8; PART]) -> Marks, window: &mut Window, document: &[u8], from: usize) {
    let mut rest = document.get(from..).unwrap_or_default();
    let mut padded;
    loop {
        let bytes = if let Some(bytes) = rest.first_chunk::<BYTES>() {
            bytes
        } else {
            padded = [b' '; BYTES];
            padded[..rest.len()].copy_from_slice(rest);
            &padded
        };
        let (mut any, mut beyond_ascii) = (0, false);
        for (part, bytes) in window.special.iter_mut().zip(bytes.as_chunks().0) {
            let marks = marks(bytes);
            *part = marks.special;
            any |= marks.special;
            beyond_ascii |= marks.beyond_ascii;
        }
        if any != 0 || beyond_ascii || rest.len() <= BYTES {
            window.end = document.len() - rest.len() + BYTES;
            window.beyond_ascii = beyond_ascii;
            return;
        }
        rest = &rest[BYTES..];
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions: loads take pointers, and AVX2 has to be detected")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
    };

    use super::{Look, Marks, PART, Window, look_by};

    #[inline]
    pub(super) fn detected() -> Option<Look> {
        std::arch::is_x86_feature_detected!("avx2").then_some(look as Look)
    }

    fn look(window: &mut Window, document: &[u8], from: usize) {
        // SAFETY: `detected` alone hands this out, where there is AVX2.
        unsafe { look_with_avx2(window, document, from) }
    }

    #[target_feature(enable = "avx2")]
    fn look_with_avx2(window: &mut Window, document: &[u8], from: usize) {
        look_by(|part| marks(part), window, document, from);
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn marks(part: &[u8; PART]) -> Marks {
        let mut marks = 0;
        let mut all = _mm256_setzero_si256();
        for (index, block) in part.as_chunks().0.iter().enumerate() {
            let block = load(block);
            marks |= u64::from(_mm256_movemask_epi8(special(block)).cast_unsigned()) << (32 * index);
            all = _mm256_or_si256(all, block);
        }
        Marks { special: marks, beyond_ascii: _mm256_movemask_epi8(all) != 0 }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn special(block: __m256i) -> __m256i {
        let equals = |byte: u8| _mm256_cmpeq_epi8(block, _mm256_set1_epi8(byte.cast_signed()));
        let control = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(0x1f)), block);
        _mm256_or_si256(control, _mm256_or_si256(equals(b'"'), equals(b'\\')))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(block: &[u8; 32]) -> __m256i {
        // SAFETY: the pointer is to thirty-two readable bytes, and the load asks for no alignment.
        unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
    }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[expect(unsafe_code, reason = "vector instructions: loads take pointers")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8, _mm_setzero_si128,
    };

    use super::{Marks, PART, Window, look_by};

    pub(super) fn look(window: &mut Window, document: &[u8], from: usize) {
        // SAFETY: this module is compiled only where all of the program may use SSE2.
        unsafe { look_with_sse2(window, document, from) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn look_with_sse2(window: &mut Window, document: &[u8], from: usize) {
        look_by(|part| marks(part), window, document, from);
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn marks(part: &[u8; PART]) -> Marks {
        let mut marks = 0;
        let mut all = _mm_setzero_si128();
        for (index, block) in part.as_chunks().0.iter().enumerate() {
            let block = load(block);
            marks |= u64::from(_mm_movemask_epi8(special(block)).cast_unsigned()) << (16 * index);
            all = _mm_or_si128(all, block);
        }
        Marks { special: marks, beyond_ascii: _mm_movemask_epi8(all) != 0 }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn special(block: __m128i) -> __m128i {
        let equals = |byte: u8| _mm_cmpeq_epi8(block, _mm_set1_epi8(byte.cast_signed()));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        _mm_or_si128(control, _mm_or_si128(equals(b'"'), equals(b'\\')))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(block: &[u8; 16]) -> __m128i {
        // SAFETY: the pointer is to sixteen readable bytes, and the load asks for no alignment.
        unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
    }
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod portable {
    use super::{Marks, PART, Window, look_by};

    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;

    pub(super) fn look(window: &mut Window, document: &[u8], from: usize) {
        look_by(marks, window, document, from);
    }

    #[inline]
    pub(super) fn marks(window: &[u8; PART]) -> Marks {
        let mut special = 0;
        let mut all = 0;
        for (index, lane) in window.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*lane);
            let below = |word: u64, limit: u64| !((word | HIGH).wrapping_sub(LOW * limit) | word);
            let equals = |byte: u8| below(word ^ (LOW * u64::from(byte)), 1);
            let found = (below(word, 0x20) | equals(b'"') | equals(b'\\')) & HIGH;
            // Gathers the highest bit of each byte in the top byte.
            special |= ((found >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
            all |= word;
        }
        Marks { special, beyond_ascii: all & HIGH != 0 }
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
pub(super) mod tests;
