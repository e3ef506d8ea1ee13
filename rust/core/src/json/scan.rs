//! The scanner and its face: what a document is, and the members of the top-level object.
//!
//! What is in containers is the matter of `container`, the inside of strings that of `strings`, all other tokens are in
//! `scalar`. Each method is told where a token begins and answers with the place behind it.

use super::Span;
use super::window::{self, Look, Window};

/// Why a document was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid {
    /// Where, in bytes from the start.
    pub offset: usize,
    /// What was wrong, as the end of a sentence.
    pub what: &'static str,
}

/// One member of the top-level object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The key between its quotes, escapes as they came.
    pub key: Span,
    /// The value with its quotes or brackets.
    pub value: Span,
}

/// Checks that `document` is one whole JSON value.
pub fn validate(document: &[u8]) -> Result<(), Invalid> {
    let mut scanner = Scanner::new(document);
    let end = scanner.document();
    scanner.finish(end)
}

/// Checks that `document` is one whole JSON object and calls `visit` for each of its members, in order.
///
/// The visitor runs while the document is still unchecked: use what it gathered only after `Ok`.
pub fn scan_object(document: &[u8], visit: impl FnMut(Member)) -> Result<(), Invalid> {
    let mut scanner = Scanner::new(document);
    let start = scanner.skip_whitespace(0);
    if scanner.peek(start).is_some_and(|byte| byte != b'{') {
        validate(document)?;
        return Err(Invalid { offset: start, what: "the body is not a JSON object" });
    }
    let end = scanner.object(start, visit);
    scanner.finish(end)
}

/// The document is not JSON; the scanner knows where and why. Small, so that it travels in a register.
pub(super) struct Refused;

pub(super) type Scan<T> = Result<T, Refused>;

pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) look: Look,
    /// What was looked at last.
    pub(super) window: Window,
    /// A run of windows with bytes beyond ASCII that was not checked yet.
    pub(super) suspect: Span,
    /// Whether a run that was checked is not UTF-8.
    pub(super) malformed: bool,
    refusal: Invalid,
}

impl<'a> Scanner<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            window: Window::default(),
            look: window::look(),
            suspect: Span { start: 0, end: 0 },
            malformed: false,
            refusal: Invalid { offset: 0, what: "" },
        }
    }

    /// Checks what follows the value, and says why where the document was refused.
    fn finish(mut self, end: Scan<usize>) -> Result<(), Invalid> {
        let whole = end.and_then(|end| self.end(end));
        whole.map_err(|Refused| {
            // A document that is no text at all is told so, whatever the grammar stumbled over.
            match std::str::from_utf8(self.bytes) {
                Ok(_) => self.refusal,
                Err(error) => Invalid { offset: error.valid_up_to(), what: "invalid UTF-8" },
            }
        })
    }

    /// Nothing but white space may follow the value.
    fn end(&mut self, at: usize) -> Scan<()> {
        let at = self.skip_whitespace(at);
        if at != self.bytes.len() {
            return self.fail(at, "something follows the value");
        }
        self.check_suspect();
        if self.malformed { self.fail(at, "invalid UTF-8") } else { Ok(()) }
    }

    fn document(&mut self) -> Scan<usize> {
        let start = self.skip_whitespace(0);
        self.value(start, 0)
    }

    /// A whole object, member by member.
    fn object(&mut self, start: usize, mut visit: impl FnMut(Member)) -> Scan<usize> {
        if self.peek(start).is_none() {
            return self.fail(start, "the document ends too early");
        }
        let mut at = self.skip_whitespace(start + 1);
        if self.peek(at) == Some(b'}') {
            return Ok(at + 1);
        }
        loop {
            let behind = self.key(at)?;
            let key = Span { start: at + 1, end: behind - 1 };
            let start = self.colon(behind)?;
            let end = self.value(start, 1)?;
            visit(Member { key, value: Span { start, end } });
            at = self.skip_whitespace(end);
            match self.peek(at) {
                Some(b',') => at = self.skip_whitespace(at + 1),
                Some(b'}') => return Ok(at + 1),
                _ => return self.fail_next(at),
            }
        }
    }

    /// One value with all that is in it. `depth`: how many containers are around it.
    fn value(&mut self, at: usize, depth: usize) -> Scan<usize> {
        match self.peek(at) {
            Some(b'{' | b'[') => self.container(at, depth),
            _ => self.scalar(at),
        }
    }

    pub(super) fn key(&mut self, at: usize) -> Scan<usize> {
        if self.peek(at) != Some(b'"') {
            return self.fail(at, "expected a key in double quotes");
        }
        self.string(at)
    }

    #[inline]
    pub(super) fn colon(&mut self, at: usize) -> Scan<usize> {
        let at = self.skip_whitespace(at);
        if self.peek(at) != Some(b':') {
            return self.fail(at, "expected a colon");
        }
        Ok(self.skip_whitespace(at + 1))
    }

    #[inline]
    pub(super) fn peek(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    #[cold]
    pub(super) fn fail_next<T>(&mut self, at: usize) -> Scan<T> {
        match self.peek(at) {
            None => self.fail(at, "the document ends too early"),
            Some(_) => self.fail(at, "expected a comma or a closing bracket"),
        }
    }

    #[cold]
    pub(super) fn fail<T>(&mut self, offset: usize, what: &'static str) -> Scan<T> {
        self.refusal = Invalid { offset, what };
        Err(Refused)
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
