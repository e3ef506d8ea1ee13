//! Numbers, literals and white space.

use super::scan::{Scan, Scanner};
use super::word;

impl Scanner<'_> {
    #[inline]
    pub(super) fn scalar(&mut self, at: usize) -> Scan<usize> {
        match self.peek(at) {
            Some(b'"') => self.string(at),
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b't') => self.literal(at, b"true"),
            Some(b'f') => self.literal(at, b"false"),
            Some(b'n') => self.literal(at, b"null"),
            Some(_) => self.fail(at, "expected a value"),
            None => self.fail(at, "the document ends too early"),
        }
    }

    fn literal(&mut self, at: usize, word: &[u8]) -> Scan<usize> {
        if self.bytes[at..].starts_with(word) {
            return Ok(at + word.len());
        }
        self.fail(at, "expected a value")
    }

    fn number(&mut self, at: usize) -> Scan<usize> {
        let at = at + usize::from(self.peek(at) == Some(b'-'));
        let mut at = match self.peek(at) {
            Some(b'0') => at + 1,
            Some(b'1'..=b'9') => self.digits(at)?,
            _ => return self.fail(at, "expected a digit"),
        };
        if self.peek(at) == Some(b'.') {
            at = self.digits(at + 1)?;
        }
        if matches!(self.peek(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(self.peek(at), Some(b'+' | b'-')));
            at = self.digits(at)?;
        }
        Ok(at)
    }

    /// One by one: eight at a time take fewer instructions and a quarter more time, as each step waits for the last.
    #[inline]
    fn digits(&mut self, start: usize) -> Scan<usize> {
        let mut at = start;
        while matches!(self.peek(at), Some(b'0'..=b'9')) {
            at += 1;
        }
        if at == start { self.fail(at, "expected a digit") } else { Ok(at) }
    }

    #[inline]
    pub(super) fn skip_whitespace(&self, at: usize) -> usize {
        if self.peek(at).is_some_and(|byte| byte > b' ') { at } else { self.skip_space_run(at) }
    }

    fn skip_space_run(&self, mut at: usize) -> usize {
        const SPACES: u64 = 0x2020_2020_2020_2020;
        loop {
            match self.peek(at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => at += 1,
                _ => return at,
            }
            // Indentation comes in long runs.
            while let Some(word) = word(self.bytes, at) {
                let spaces = (word ^ SPACES).trailing_zeros() as usize / 8;
                at += spaces;
                if spaces < 8 {
                    break;
                }
            }
        }
    }
}
