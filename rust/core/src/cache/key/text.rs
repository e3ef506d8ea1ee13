//! Strings without their escapes.

use memchr::memchr2;

use super::Uncacheable;
use crate::json;

/// Words that are looked at one by one: most keys and many values are shorter than the setup of a search.
const NEAR: usize = 4;
const WORD: usize = 8;

/// Appends what the string says whose first byte behind its quote is at `at`; answers with the place behind the
/// last quote. A surrogate without its partner is written as UTF-8 would write it, were it a character.
pub(super) fn write(document: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Uncacheable> {
    let mut at = at;
    loop {
        at = plain(document, at, out).ok_or(Uncacheable::Shape)?;
        if document[at] == b'"' {
            return Ok(at + 1);
        }
        at = escape(document, at, out).ok_or(Uncacheable::Shape)?;
    }
}

/// Appends what stands before the next quote or backslash; answers with its place.
#[inline]
fn plain(document: &[u8], start: usize, out: &mut Vec<u8>) -> Option<usize> {
    let mut at = start;
    for _ in 0..NEAR {
        let Some(word) = json::word(document, at) else { break };
        out.extend_from_slice(&word.to_le_bytes());
        let found = zeros(word ^ (LOW * u64::from(b'"'))) | zeros(word ^ (LOW * u64::from(b'\\')));
        if found != 0 {
            let before = found.trailing_zeros() as usize / 8;
            out.truncate(out.len() - WORD + before);
            return Some(at + before);
        }
        at += WORD;
    }
    let rest = document.get(at..)?;
    let before = memchr2(b'"', b'\\', rest)?;
    out.extend_from_slice(&rest[..before]);
    Some(at + before)
}

const LOW: u64 = 0x0101_0101_0101_0101;

/// Marks the bytes that are zero; the lowest mark is right, and those above it may be wrong.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & (LOW << 7)
}

fn escape(document: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let simple = match document.get(at + 1)? {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(document, at, out),
        &other => other,
    };
    out.push(simple);
    Some(at + 2)
}

fn unicode(document: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let first = unit(document, at)?;
    if (0xd800..0xdc00).contains(&first)
        && let Some(second @ 0xdc00..0xe000) = unit(document, at + 6)
    {
        push(out, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        return Some(at + 12);
    }
    push(out, first);
    Some(at + 6)
}

/// The number of a `\u` escape at `at`.
fn unit(document: &[u8], at: usize) -> Option<u32> {
    let escape = document.get(at..at + 6)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

fn push(out: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a surrogate has sixteen bits")]
    out.extend_from_slice(&[
        0xe0 | (code >> 12) as u8,
        0x80 | ((code >> 6) & 0x3f) as u8,
        0x80 | (code & 0x3f) as u8,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(raw: &str) -> Vec<u8> {
        let mut out = Vec::new();
        assert_eq!(write(raw.as_bytes(), 1, &mut out).unwrap(), raw.len());
        out
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(
            written(r#""\u0041 \"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#),
            "A \"\\/\u{8}\u{c}\n\r\té😀".as_bytes()
        );
        assert_eq!(
            written("\"a text of more than sixteen bytes, \\u0041nd on\""),
            b"a text of more than sixteen bytes, And on"
        );
        assert_eq!(written("\"\""), b"");
    }

    #[test]
    fn lone_surrogates_stay_apart() {
        let lone =
            [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dA""#, r#""\ude00\ud83d""#, r#""\ud83d\ud83d\ude00""#];
        for (at, one) in lone.iter().enumerate() {
            for other in &lone[at + 1..] {
                assert_ne!(written(one), written(other));
            }
        }
        assert_eq!(written(r#""\ud83d""#), [0xed, 0xa0, 0xbd]);
    }
}
