//! Strings: where they end, whether their escapes are known, whether they are UTF-8.

use super::Span;
use super::scan::{Scan, Scanner};

/// Whether a backslash and a letter are an escape.
static SIMPLE_ESCAPES: [bool; 256] = {
    let mut simple = [false; 256];
    let (letters, mut at) = (b"\"\\/bfnrt", 0);
    while at < letters.len() {
        simple[letters[at] as usize] = true;
        at += 1;
    }
    simple
};

/// A place in a string, and the window's marks from it on.
pub(super) struct Cursor {
    pub(super) at: usize,
    /// None, where they are used up: there may be more behind.
    marks: u64,
}

impl Cursor {
    /// Passes bytes without a mark or that are known, fewer than a word has bits.
    #[inline]
    pub(super) fn step(&mut self, length: usize) {
        self.at += length;
        self.marks >>= length;
    }
}

impl Scanner<'_> {
    #[inline]
    pub(super) fn string(&mut self, at: usize) -> Scan<usize> {
        let mut cursor = self.cursor(at + 1);
        self.seek(&mut cursor);
        self.close(cursor.at)
    }

    /// From a special byte of a string to behind the quote that ends it.
    #[inline]
    pub(super) fn close(&mut self, at: usize) -> Scan<usize> {
        if self.peek(at) == Some(b'"') { Ok(at + 1) } else { self.close_behind_escapes(at) }
    }

    /// A place inside a string.
    #[inline]
    pub(super) fn cursor(&self, at: usize) -> Cursor {
        Cursor { at, marks: self.window.special(at) }
    }

    /// Moves to the next special byte, or to the end of the document.
    #[inline]
    pub(super) fn seek(&mut self, cursor: &mut Cursor) {
        if cursor.marks == 0 {
            *cursor = self.look_on(cursor.at);
        } else {
            cursor.step(cursor.marks.trailing_zeros() as usize);
        }
    }

    /// The next special byte where the cursor had no marks left.
    #[cold]
    #[inline(never)]
    fn look_on(&mut self, at: usize) -> Cursor {
        match self.window.find(at) {
            Some((at, marks)) => Cursor { at, marks },
            None => self.look_behind_window(at),
        }
    }

    #[inline(never)]
    fn look_behind_window(&mut self, at: usize) -> Cursor {
        let mut from = self.window.end.max(at);
        while from < self.bytes.len() {
            (self.look)(&mut self.window, self.bytes, from);
            if self.window.beyond_ascii {
                self.suspect();
            }
            if let Some((at, marks)) = self.window.first(0) {
                return Cursor { at, marks };
            }
            from = self.window.end;
        }
        Cursor { at: self.bytes.len(), marks: 0 }
    }

    #[inline(never)]
    fn close_behind_escapes(&mut self, at: usize) -> Scan<usize> {
        let mut cursor = self.cursor(at);
        loop {
            let at = cursor.at;
            match self.peek(at) {
                Some(b'"') => return Ok(at + 1),
                // Two branches with lengths of their own: a length looked up would make each escape wait for the last.
                Some(b'\\') => match self.peek(at + 1) {
                    Some(b'u') => {
                        self.hexadecimal(at)?;
                        cursor.step(6);
                    }
                    Some(letter) if SIMPLE_ESCAPES[usize::from(letter)] => cursor.step(2),
                    _ => return self.fail(at, "an unknown escape"),
                },
                Some(_) => return self.fail(at, "a control character in a string"),
                None => return self.fail(at, "a string without an end"),
            }
            self.seek(&mut cursor);
        }
    }

    #[inline]
    fn hexadecimal(&mut self, at: usize) -> Scan<()> {
        match self.bytes.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(()),
            _ => self.fail(at, "expected four hexadecimal digits"),
        }
    }

    /// Puts the window on the list of what is still to be checked.
    ///
    /// The windows of a string begin with it and follow each other without a gap, and between strings there is ASCII
    /// alone. So no character is cut where a run of them begins or ends.
    fn suspect(&mut self) {
        let start = self.window.start();
        if self.suspect.end != start {
            self.check_suspect();
            self.suspect.start = start;
        }
        self.suspect.end = self.window.end;
    }

    pub(super) fn check_suspect(&mut self) {
        let Span { start, end } = self.suspect;
        let bytes = &self.bytes[start..end.min(self.bytes.len())];
        self.malformed |= std::str::from_utf8(bytes).is_err();
    }
}
