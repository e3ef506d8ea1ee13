//! Where a client's bytes stand in HTTP/2's framing: inside a request's headers, or not.
//!
//! hyper tells of a request when its headers are whole. Whether they have begun, and since when, is told here, so that
//! a client cannot hold a connection by headers that never end.

use super::preface::PREFACE;
use crate::frames::Frames;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// What the bytes so far end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No headers, or whole ones.
    Clear,
    /// Headers that began in the last bytes.
    Begun,
    /// Headers that began earlier.
    Going,
}

/// Follows the frames of one connection.
#[derive(Debug)]
pub(super) struct HeaderBlocks {
    frames: Frames,
    /// The last frame was one of headers.
    last: bool,
    /// Another one must follow.
    more: bool,
}

impl HeaderBlocks {
    /// From the first byte of the preface.
    pub(super) fn new() -> Self {
        Self { frames: Frames::behind(PREFACE.len()), last: false, more: false }
    }

    /// Takes what was read. A frame's own head counts as headers until it is whole.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Standing {
        let was_open = self.is_open();
        // What was open before is the same block as long as no other frame has begun since.
        let mut begun = !was_open;
        let mut heads = 0;
        let Self { frames, last, more } = self;
        let was_in_head = frames.is_in_head();
        frames.push(bytes, |head| {
            heads += 1;
            let continues = *more || (was_in_head && heads == 1);
            *last = matches!(head.kind, HEADERS | CONTINUATION);
            begun |= !continues;
            if *last {
                *more = head.flags & END_HEADERS == 0;
            }
        });
        match (self.is_open(), begun) {
            (false, _) => Standing::Clear,
            (true, true) => Standing::Begun,
            (true, false) => Standing::Going,
        }
    }

    fn is_open(&self) -> bool {
        self.more || self.frames.is_in_head() || (self.frames.is_in_payload() && self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        bytes.resize(bytes.len() + usize::from(length[2]) * 256 + usize::from(length[3]), b'x');
        bytes
    }

    #[test]
    fn a_block_is_open_from_its_first_byte_to_its_last() {
        let mut blocks = HeaderBlocks::new();
        assert_eq!(blocks.push(PREFACE), Standing::Clear);
        assert_eq!(blocks.push(&frame(4, 0, 12)), Standing::Clear, "SETTINGS");
        for (at, byte) in frame(HEADERS, 0, 300).iter().enumerate() {
            let expected = if at == 0 { Standing::Begun } else { Standing::Going };
            assert_eq!(blocks.push(&[*byte]), expected, "byte {at}");
        }
        assert_eq!(blocks.push(&frame(CONTINUATION, 0, 10)), Standing::Going);
        assert_eq!(blocks.push(&frame(CONTINUATION, END_HEADERS, 10)), Standing::Clear);
        assert_eq!(blocks.push(&frame(0, 1, 500)), Standing::Clear, "DATA");
    }

    #[test]
    fn pieces_make_no_difference() {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(4, 0, 6));
        bytes.extend(frame(HEADERS, END_HEADERS, 700));
        bytes.extend(frame(0, 0, 70));
        bytes.extend(frame(HEADERS, 0, 3));
        for size in [1, 2, 7, 64, 5000] {
            let mut blocks = HeaderBlocks::new();
            let last = bytes.chunks(size).map(|piece| blocks.push(piece)).last();
            assert_ne!(last, Some(Standing::Clear), "{size}");
        }
    }

    #[test]
    fn the_clock_starts_anew_with_the_next_block() {
        let mut blocks = HeaderBlocks::new();
        let mut bytes = PREFACE.to_vec();
        let next = frame(HEADERS, END_HEADERS, 20);
        bytes.extend(&next[..12]);
        assert_eq!(blocks.push(&bytes), Standing::Begun);
        let mut rest = next[12..].to_vec();
        rest.extend(&next[..12]);
        assert_eq!(blocks.push(&rest), Standing::Begun);
        assert_eq!(blocks.push(&next[12..]), Standing::Clear);
    }

    #[test]
    fn data_that_stands_still_is_no_header() {
        let mut blocks = HeaderBlocks::new();
        blocks.push(PREFACE);
        assert_eq!(blocks.push(&frame(0, 0, 100)[..50]), Standing::Clear);
        assert_eq!(blocks.push(&[]), Standing::Clear);
    }
}
