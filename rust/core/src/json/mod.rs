//! JSON without a tree: one pass validates a document and reports where its top-level members lie.
//!
//! Grammar: RFC 8259 in valid UTF-8, depth at most [`MAX_DEPTH`]; `NaN` and `Infinity` are refused, lone surrogate
//! escapes pass. The bytes are never copied, so what is not changed is forwarded as it came.

mod container;
mod scalar;
mod scan;
mod strings;
mod text;
mod window;

pub use scan::{Invalid, Member, scan_object, validate};
pub use text::{escape_into, key_equals, unescape};

/// Nesting beyond this is refused, as a guard of everything behind the gateway that recurses.
pub const MAX_DEPTH: usize = 128;

/// A half-open range of bytes in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes of this span.
    pub fn of<'a>(&self, document: &'a [u8]) -> &'a [u8] {
        &document[self.start..self.end]
    }
}

/// The next eight bytes, the first one lowest, where there are as many.
#[inline]
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
