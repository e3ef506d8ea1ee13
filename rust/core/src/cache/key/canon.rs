//! The canonical form of a JSON value: bytes that two values share where they say the same, and only there.
//!
//! A string is `"`, its length in four bytes, and what it says; a number is `#`, its digits, `e` and a power of ten
//! where it is not 0, and `;`. Literals are `t`, `f`, `n`. Lists are in brackets without commas; objects are in braces,
//! keys and values in the order of the keys' bytes. Every value says where it ends, so no two sequences of values look
//! alike.
//!
//! Objects are written as they come and put into order where they were not: most writers of JSON have few keys, and
//! sorting moves each byte once a level.

use std::mem;
use std::ops::Range;

use super::{Uncacheable, number, text};

/// Writes canonical forms behind each other.
#[derive(Debug, Default)]
pub(super) struct Canon {
    pub(super) out: Vec<u8>,
    members: Vec<Member>,
    spare: Vec<u8>,
}

/// Where a member lies in what was written.
#[derive(Debug, Clone)]
struct Member {
    key: Range<usize>,
    end: usize,
}

/// What is special about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Plain,
    /// A message, whose `content` may be a text or a list of one.
    Message,
}

/// The tag and the length of a string.
pub(super) const HEAD: usize = 5;

impl Canon {
    pub(super) fn clear(&mut self, kept: usize) {
        for buffer in [&mut self.out, &mut self.spare] {
            buffer.clear();
            buffer.shrink_to(kept);
        }
        self.members.clear();
        self.members.shrink_to(kept / mem::size_of::<Member>());
    }

    /// A string that needs no unescaping.
    pub(super) fn plain(&mut self, text: &str) {
        let start = self.begin_string();
        self.out.extend_from_slice(text.as_bytes());
        // A name or a tenant; longer than four bytes can count it is none.
        let _ = self.end_string(start);
    }

    /// The value at `at` of a valid document; answers with the place behind it.
    pub(super) fn value(&mut self, document: &[u8], at: usize) -> Result<usize, Uncacheable> {
        let literal = match document.get(at).ok_or(Uncacheable::Shape)? {
            b'"' => return self.string(document, at),
            b'{' => return self.object(document, at, Place::Plain),
            b'[' => return self.list(document, at, |canon, at| canon.value(document, at)),
            b't' => (b't', 4),
            b'f' => (b'f', 5),
            b'n' => (b'n', 4),
            _ => return number::write(document, at, &mut self.out),
        };
        self.out.push(literal.0);
        Ok(at + literal.1)
    }

    pub(super) fn string(&mut self, document: &[u8], at: usize) -> Result<usize, Uncacheable> {
        let start = self.begin_string();
        let end = text::write(document, at + 1, &mut self.out)?;
        self.end_string(start)?;
        Ok(end)
    }

    fn begin_string(&mut self) -> usize {
        self.out.extend_from_slice(&[b'"', 0, 0, 0, 0]);
        self.out.len()
    }

    fn end_string(&mut self, start: usize) -> Result<(), Uncacheable> {
        let length = u32::try_from(self.out.len() - start).map_err(|_| Uncacheable::Shape)?;
        self.out[start - 4..start].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// A list whose items `item` writes.
    pub(super) fn list(
        &mut self,
        document: &[u8],
        at: usize,
        item: impl FnMut(&mut Self, usize) -> Result<usize, Uncacheable>,
    ) -> Result<usize, Uncacheable> {
        self.out.push(b'[');
        self.items(document, at, item)
    }

    /// All of a list but its opening bracket.
    pub(super) fn items(
        &mut self,
        document: &[u8],
        at: usize,
        mut item: impl FnMut(&mut Self, usize) -> Result<usize, Uncacheable>,
    ) -> Result<usize, Uncacheable> {
        let mut at = skip_space(document, at + 1);
        while *document.get(at).ok_or(Uncacheable::Shape)? != b']' {
            at = skip_space(document, item(self, at)?);
            if document.get(at) == Some(&b',') {
                at = skip_space(document, at + 1);
            }
        }
        self.out.push(b']');
        Ok(at + 1)
    }

    pub(super) fn object(&mut self, document: &[u8], at: usize, place: Place) -> Result<usize, Uncacheable> {
        self.out.push(b'{');
        let first = self.members.len();
        let mut at = skip_space(document, at + 1);
        while *document.get(at).ok_or(Uncacheable::Shape)? != b'}' {
            let key = self.out.len() + HEAD;
            at = skip_space(document, self.string(document, at)?);
            // Behind the colon.
            at = skip_space(document, at + 1);
            let value = self.out.len();
            at = self.value(document, at)?;
            if place == Place::Message && self.out[key..value] == *b"content" {
                super::fold::content(&mut self.out, value);
            }
            self.members.push(Member { key: key..value, end: self.out.len() });
            at = skip_space(document, at);
            if document.get(at) == Some(&b',') {
                at = skip_space(document, at + 1);
            }
        }
        self.sort(first)?;
        self.out.push(b'}');
        Ok(at + 1)
    }

    /// Puts the members from `first` on, with which the buffer ends, into the order of their keys.
    fn sort(&mut self, first: usize) -> Result<(), Uncacheable> {
        let Self { out, members, spare } = self;
        let own = &mut members[first..];
        let in_order = own.windows(2).all(|pair| out[pair[0].key.clone()] < out[pair[1].key.clone()]);
        if !in_order {
            let start = own[0].key.start - HEAD;
            own.sort_unstable_by(|one, other| out[one.key.clone()].cmp(&out[other.key.clone()]));
            if own.windows(2).any(|pair| out[pair[0].key.clone()] == out[pair[1].key.clone()]) {
                return Err(Uncacheable::Duplicate);
            }
            spare.clear();
            for member in own {
                spare.extend_from_slice(&out[member.key.start - HEAD..member.end]);
            }
            out[start..].copy_from_slice(spare);
        }
        members.truncate(first);
        Ok(())
    }
}

/// The place of the next byte that is no white space.
#[inline]
pub(super) fn skip_space(document: &[u8], at: usize) -> usize {
    let mut at = at;
    while matches!(document.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}
