//! The scanner: an explicit stack of bits instead of recursion, strings skipped a block at a time.
//!
//! UTF-8 is checked string by string, and only where a byte is beyond ASCII: outside strings nothing else is allowed.

use super::plain::{plain_prefix, short_string};
use super::{MAX_DEPTH, Span};

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
    Scanner::new(document).run(|_| {})
}

/// Checks that `document` is one whole JSON object and calls `visit` for each of its members, in order.
///
/// The visitor runs while later bytes are still unchecked: use what it gathered only after `Ok`.
pub fn scan_object(document: &[u8], visit: impl FnMut(Member)) -> Result<(), Invalid> {
    let mut scanner = Scanner::new(document);
    scanner.skip_whitespace();
    if scanner.peek().is_some_and(|byte| byte != b'{') {
        validate(document)?;
        return Err(Invalid { offset: scanner.at, what: "the body is not a JSON object" });
    }
    scanner.run(visit)
}

/// One bit a level: set for an object. 128 levels fit one word.
struct Nesting {
    objects: u128,
    depth: usize,
}

impl Nesting {
    fn push(&mut self, object: bool) {
        self.objects = (self.objects << 1) | u128::from(object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// The document is not JSON; the scanner knows where and why. Small, so that it travels in a register.
struct Refused;

type Scan<T> = Result<T, Refused>;

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> Scanner<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, what: "" }
    }

    /// Scans all of the document.
    fn run(mut self, visit: impl FnMut(Member)) -> Result<(), Invalid> {
        self.document(visit).map_err(|Refused| {
            // A document that is no text at all is told so, whatever the grammar stumbled over.
            match std::str::from_utf8(self.bytes) {
                Ok(_) => Invalid { offset: self.at, what: self.what },
                Err(error) => Invalid { offset: error.valid_up_to(), what: "invalid UTF-8" },
            }
        })
    }

    fn document(&mut self, mut visit: impl FnMut(Member)) -> Scan<()> {
        let mut nesting = Nesting { objects: 0, depth: 0 };
        let mut key = Span { start: 0, end: 0 };
        let mut value_start = 0;
        self.skip_whitespace();
        loop {
            if nesting.depth == 1 {
                value_start = self.at;
            }
            if self.opens_container(&mut nesting)? {
                if nesting.in_object() {
                    self.member_key(&nesting, &mut key)?;
                }
                continue;
            }
            loop {
                if nesting.depth == 1 && nesting.in_object() {
                    visit(Member { key, value: Span { start: value_start, end: self.at } });
                }
                self.skip_whitespace();
                if nesting.depth == 0 {
                    return if self.at == self.bytes.len() {
                        Ok(())
                    } else {
                        self.fail("something follows the value")
                    };
                }
                match (self.peek(), nesting.in_object()) {
                    (Some(b','), in_object) => {
                        self.at += 1;
                        self.skip_whitespace();
                        if in_object {
                            self.member_key(&nesting, &mut key)?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        nesting.pop();
                    }
                    (None, _) => return self.fail("the document ends too early"),
                    _ => return self.fail("expected a comma or a closing bracket"),
                }
            }
        }
    }

    /// Consumes one scalar or empty container (false), or the opening bracket of a container with content (true).
    #[inline]
    fn opens_container(&mut self, nesting: &mut Nesting) -> Scan<bool> {
        let close = match self.peek() {
            Some(b'{') => b'}',
            Some(b'[') => b']',
            _ => return self.scalar().map(|()| false),
        };
        if nesting.depth == MAX_DEPTH {
            return self.fail("nested too deeply");
        }
        self.at += 1;
        self.skip_whitespace();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        nesting.push(close == b'}');
        Ok(true)
    }

    #[inline]
    fn member_key(&mut self, nesting: &Nesting, top: &mut Span) -> Scan<()> {
        if self.peek() != Some(b'"') {
            return self.fail("expected a key in double quotes");
        }
        let start = self.at + 1;
        self.string()?;
        if nesting.depth == 1 {
            *top = Span { start, end: self.at - 1 };
        }
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return self.fail("expected a colon");
        }
        self.at += 1;
        self.skip_whitespace();
        Ok(())
    }

    fn scalar(&mut self) -> Scan<()> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(_) => self.fail("expected a value"),
            None => self.fail("the document ends too early"),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Scan<()> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        self.fail("expected a value")
    }

    fn number(&mut self) -> Scan<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.fail("expected a digit"),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Scan<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.fail("expected a digit") } else { Ok(()) }
    }

    /// Consumes a string with both quotes.
    #[inline]
    fn string(&mut self) -> Scan<()> {
        self.at += 1;
        match short_string(&self.bytes[self.at..]) {
            Some(length) => {
                self.at += length + 1;
                Ok(())
            }
            None => self.rest_of_string(),
        }
    }

    #[inline(never)]
    fn rest_of_string(&mut self) -> Scan<()> {
        let start = self.at;
        let mut beyond_ascii = false;
        loop {
            let plain = plain_prefix(&self.bytes[self.at..]);
            self.at += plain.length;
            beyond_ascii |= plain.beyond_ascii;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return self.fail("a control character in a string"),
                None => return self.fail("a string without an end"),
            }
        }
        if beyond_ascii && std::str::from_utf8(&self.bytes[start..self.at]).is_err() {
            return self.fail("invalid UTF-8");
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn escape(&mut self) -> Scan<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let hex = self.bytes.get(self.at + 2..self.at + 6);
                if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                    return self.fail("expected four hexadecimal digits");
                }
                self.at += 6;
            }
            _ => return self.fail("an unknown escape"),
        }
        Ok(())
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        if self.peek().is_some_and(|byte| byte > b' ') {
            return;
        }
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn fail<T>(&mut self, what: &'static str) -> Scan<T> {
        self.what = what;
        Err(Refused)
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
