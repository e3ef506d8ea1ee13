//! Strings inside documents: comparing keys, reading values, writing values.

use std::borrow::Cow;

/// Whether a raw key (between its quotes, escapes as they came) means `name`.
pub fn key_equals(raw: &[u8], name: &str) -> bool {
    raw == name.as_bytes() || (raw.contains(&b'\\') && unescape(raw).is_some_and(|key| key == name))
}

/// The text of a raw string between its quotes; None where it holds a lone surrogate, which no Rust string can.
pub fn unescape(raw: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(raw).ok()?;
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (character, length) = escaped(&rest[at..])?;
        out.push(character);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// The character of the escape at the start of `text`, and the escape's length in bytes.
fn escaped(text: &str) -> Option<(char, usize)> {
    let simple = match text.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(text),
        _ => return None,
    };
    Some((simple, 2))
}

fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u32::from_str_radix(text.get(at..at + 4)?, 16).ok();
    let high = unit(2)?;
    if !(0xd800..0xdc00).contains(&high) {
        return char::from_u32(high).map(|character| (character, 6));
    }
    if text.get(6..8)? != "\\u" {
        return None;
    }
    let low = unit(8).filter(|low| (0xdc00..0xe000).contains(low))?;
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).map(|character| (character, 12))
}

/// Appends `text` as a JSON string with its quotes.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_compared_unescaped() {
        assert!(key_equals(br"mo\u0064el", "model"));
        assert!(!key_equals(br"mo\u0065el", "model"));
        assert!(!key_equals(br"\ud800", "model"));
    }

    #[test]
    fn surrogate_pairs_join_and_lone_ones_are_none() {
        assert_eq!(unescape(br"\ud83d\ude00").unwrap(), "\u{1f600}");
        assert_eq!(unescape(br"\ud83d"), None);
        assert_eq!(unescape(br"\ud83d\u0041"), None);
    }

    proptest! {
        #[test]
        fn escape_round_trips(text: String) {
            let mut out = Vec::new();
            escape_into(&mut out, &text);
            prop_assert_eq!(&serde_json::from_slice::<String>(&out).unwrap(), &text);
            prop_assert_eq!(unescape(&out[1..out.len() - 1]).unwrap(), text);
        }
    }
}
