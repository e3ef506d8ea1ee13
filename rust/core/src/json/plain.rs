//! Skipping the inside of strings: sixteen bytes at a time with SSE2, which every x86-64 has; eight elsewhere.

/// The bytes from the start of a string's rest that need no look of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plain {
    /// How many are neither a quote, nor a backslash, nor a control character.
    pub(super) length: usize,
    /// Whether any of them is outside ASCII. A later byte may be counted in as well: it asks for a check, no more.
    pub(super) beyond_ascii: bool,
}

/// Finds the next byte of a string that means something.
#[inline]
pub(super) fn plain_prefix(bytes: &[u8]) -> Plain {
    let (blocks, rest) = bytes.as_chunks::<{ block::BYTES }>();
    let mut beyond_ascii = false;
    for (index, bytes) in blocks.iter().enumerate() {
        let marks = block::marks(bytes);
        beyond_ascii |= marks.beyond_ascii;
        if let Some(at) = marks.special {
            return Plain { length: index * block::BYTES + at, beyond_ascii };
        }
    }
    let at = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(rest.len());
    beyond_ascii |= !rest[..at].is_ascii();
    Plain { length: blocks.len() * block::BYTES + at, beyond_ascii }
}

/// The length of a string that ends within the first block, where nothing in that block asks for a closer look.
#[inline]
pub(super) fn short_string(bytes: &[u8]) -> Option<usize> {
    let marks = block::marks(bytes.first_chunk()?);
    marks.special.filter(|&at| bytes[at] == b'"' && !marks.beyond_ascii)
}

/// What stands in a block.
struct Marks {
    special: Option<usize>,
    beyond_ascii: bool,
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod block {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };

    use super::Marks;

    pub(super) const BYTES: usize = 16;

    #[inline]
    #[expect(unsafe_code, reason = "this module is compiled only where the target has SSE2")]
    pub(super) fn marks(bytes: &[u8; BYTES]) -> Marks {
        // SAFETY: `target_feature = "sse2"` holds for all of the program.
        unsafe { marks_sse2(bytes) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    #[expect(unsafe_code, reason = "the load takes a pointer")]
    fn marks_sse2(bytes: &[u8; BYTES]) -> Marks {
        // SAFETY: the pointer is to sixteen readable bytes, and the load asks for no alignment.
        let block = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        let equals = |byte: u8| _mm_cmpeq_epi8(block, _mm_set1_epi8(byte.cast_signed()));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        let special = _mm_or_si128(control, _mm_or_si128(equals(b'"'), equals(b'\\')));
        let at = _mm_movemask_epi8(special);
        Marks {
            special: (at != 0).then(|| at.trailing_zeros() as usize),
            beyond_ascii: _mm_movemask_epi8(block) != 0,
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
mod block {
    use super::Marks;

    pub(super) const BYTES: usize = 8;

    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;

    /// The marks of a lane may be wrong above the lowest true one only, which is the one used.
    #[inline]
    pub(super) fn marks(bytes: &[u8; BYTES]) -> Marks {
        let has_zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
        let word = u64::from_le_bytes(*bytes);
        let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let special =
            control | has_zero(word ^ (LOW * u64::from(b'"'))) | has_zero(word ^ (LOW * u64::from(b'\\')));
        Marks {
            special: (special != 0).then(|| special.trailing_zeros() as usize / 8),
            beyond_ascii: word & HIGH != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_finds(
            bytes in prop::collection::vec(
                prop_oneof![8 => 0x20u8..0x7f, 1 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\')], 0..200,
            ),
            skip in 0usize..40,
        ) {
            let bytes = &bytes[skip.min(bytes.len())..];
            let length = bytes
                .iter()
                .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
                .unwrap_or(bytes.len());
            let plain = plain_prefix(bytes);
            prop_assert_eq!(plain.length, length);
            prop_assert!(plain.beyond_ascii || bytes[..length].is_ascii());
        }
    }
}
