//! Objects and arrays: an explicit stack instead of recursion.
//!
//! Most of a conversation is strings behind strings, in objects behind objects. What stands between them is one of a
//! few short tokens, and one word that begins with a string's last quote shows which: 20,000 messages take a third of
//! the instructions that they took token by token. All else is taken token by token.

use super::scan::{Scan, Scanner};
use super::strings::Cursor;
use super::{MAX_DEPTH, word};

/// What stands at a place in a container.
enum Step {
    Key,
    Value,
    /// A comma or the closing bracket.
    Next,
}

/// The containers that are open.
struct Nesting {
    /// Whether the innermost one is an object.
    object: bool,
    /// The same of those around it.
    outer: [bool; MAX_DEPTH],
    depth: usize,
}

impl Nesting {
    /// As a member's value or a document begins: what is around it is not looked at.
    fn within(depth: usize) -> Self {
        Self { object: true, outer: [true; MAX_DEPTH], depth }
    }

    #[inline]
    fn push(&mut self, object: bool) -> Option<()> {
        *self.outer.get_mut(self.depth)? = self.object;
        self.object = object;
        self.depth += 1;
        Some(())
    }

    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        self.object = self.outer[self.depth];
    }

    /// Whether the innermost container is an element of an array.
    #[inline]
    fn is_element(&self) -> bool {
        !self.outer[self.depth - 1]
    }
}

/// What may stand between two strings, with the quotes on both sides; at most a word.
struct Joint {
    length: usize,
    bits: u64,
}

impl Joint {
    const fn new(bytes: &[u8]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < bytes.len() {
            bits |= (bytes[at] as u64) << (8 * at);
            at += 1;
        }
        Self { length: bytes.len(), bits }
    }

    #[inline]
    fn begins(&self, word: u64) -> bool {
        let behind = u64::BITS as usize - 8 * self.length;
        word << behind == self.bits << behind
    }
}

/// From a key to its text, as compact writers and as Python's `json` have it.
const KEY_TO_TEXT: [Joint; 2] = [Joint::new(b"\":\""), Joint::new(b"\": \"")];
/// From a text to the next key.
const TEXT_TO_KEY: [Joint; 2] = [Joint::new(b"\",\""), Joint::new(b"\", \"")];
/// From a text to the first key of the next object, in an array.
const TEXT_TO_OBJECT: [Joint; 2] = [Joint::new(b"\"},{\""), Joint::new(b"\"}, {\"")];

impl Scanner<'_> {
    /// Consumes a container. `depth`: how many are around it.
    #[inline(never)]
    pub(super) fn container(&mut self, start: usize, depth: usize) -> Scan<usize> {
        let mut nesting = Nesting::within(depth);
        let (mut step, mut at) = self.open(start, &mut nesting)?;
        loop {
            (step, at) = match step {
                Step::Key => self.members(at, nesting.is_element())?,
                Step::Value => self.values(at, &mut nesting)?,
                Step::Next if nesting.depth == depth => return Ok(at),
                Step::Next => self.next(at, &mut nesting)?,
            };
        }
    }

    /// Members from a key on, as long as their values are strings. `in_array`: where their object is.
    #[inline]
    fn members(&mut self, at: usize, in_array: bool) -> Scan<(Step, usize)> {
        if self.peek(at) != Some(b'"') {
            return self.fail(at, "expected a key in double quotes");
        }
        // A copy, which the calls below cannot change, stays in registers.
        let bytes = self.bytes;
        let mut cursor = self.cursor(at + 1);
        loop {
            self.seek(&mut cursor);
            // No joint begins with a zero.
            let ahead = word(bytes, cursor.at).unwrap_or(0);
            let [compact, spaced] = KEY_TO_TEXT;
            if !(passes(&mut cursor, ahead, &compact) || passes(&mut cursor, ahead, &spaced)) {
                let behind = self.close(cursor.at)?;
                let value = self.colon(behind)?;
                if self.peek(value) != Some(b'"') {
                    return Ok((Step::Value, value));
                }
                cursor = self.cursor(value + 1);
            }
            self.seek(&mut cursor);
            loop {
                let ahead = word(bytes, cursor.at).unwrap_or(0);
                let [compact, spaced] = TEXT_TO_KEY;
                let [compact_object, spaced_object] = TEXT_TO_OBJECT;
                if passes(&mut cursor, ahead, &compact)
                    || (in_array && passes(&mut cursor, ahead, &compact_object))
                    || passes(&mut cursor, ahead, &spaced)
                    || (in_array && passes(&mut cursor, ahead, &spaced_object))
                {
                    break;
                }
                let behind = self.close(cursor.at)?;
                if behind == cursor.at + 1 {
                    return Ok((Step::Next, behind));
                }
                // There were escapes in front of the last quote.
                cursor = self.cursor(behind - 1);
            }
        }
    }

    /// A value and, in an array, those behind it, up to the first container.
    #[inline]
    fn values(&mut self, at: usize, nesting: &mut Nesting) -> Scan<(Step, usize)> {
        let mut at = at;
        loop {
            if matches!(self.peek(at), Some(b'{' | b'[')) {
                return self.open(at, nesting);
            }
            at = self.scalar(at)?;
            if nesting.object || self.peek(at) != Some(b',') {
                return Ok((Step::Next, at));
            }
            at = self.skip_whitespace(at + 1);
        }
    }

    /// The opening bracket of a container, or all of an empty one.
    fn open(&mut self, at: usize, nesting: &mut Nesting) -> Scan<(Step, usize)> {
        let object = self.peek(at) == Some(b'{');
        let close = if object { b'}' } else { b']' };
        if nesting.push(object).is_none() {
            return self.fail(at, "nested too deeply");
        }
        let at = self.skip_whitespace(at + 1);
        if self.peek(at) == Some(close) {
            nesting.pop();
            return Ok((Step::Next, at + 1));
        }
        Ok((if object { Step::Key } else { Step::Value }, at))
    }

    #[inline]
    fn next(&mut self, at: usize, nesting: &mut Nesting) -> Scan<(Step, usize)> {
        let at = self.skip_whitespace(at);
        match self.peek(at) {
            Some(b',') => {
                let at = self.skip_whitespace(at + 1);
                Ok((if nesting.object { Step::Key } else { Step::Value }, at))
            }
            Some(close @ (b'}' | b']')) if (close == b'}') == nesting.object => {
                nesting.pop();
                Ok((Step::Next, at + 1))
            }
            _ => self.fail_next(at),
        }
    }
}

#[inline]
fn passes(cursor: &mut Cursor, ahead: u64, joint: &Joint) -> bool {
    let begins = joint.begins(ahead);
    if begins {
        cursor.step(joint.length);
    }
    begins
}
