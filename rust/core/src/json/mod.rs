//! JSON without a tree: one pass validates a document and reports where its top-level members lie.
//!
//! Grammar: RFC 8259 in valid UTF-8, depth at most [`MAX_DEPTH`]; `NaN` and `Infinity` are refused, lone surrogate
//! escapes pass. The bytes are never copied, so what is not changed is forwarded as it came.

mod plain;
mod scan;
mod text;

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
