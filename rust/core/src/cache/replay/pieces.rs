//! Cutting texts.

use memchr::memchr;

/// A piece of text of an event, in bytes: some clients read lines of 64 KiB at most.
const PIECE: usize = 8192;

/// Cuts what stands between the quotes of a JSON string. No piece ends in a character, in an escape, or between the two
/// halves of one.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    cut(text, PIECE)
}

fn cut(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, behind) = rest.split_at(end(rest, size));
        rest = behind;
        Some(piece)
    })
}

/// Where the first piece ends.
fn end(text: &str, size: usize) -> usize {
    if text.len() <= size {
        return text.len();
    }
    let end = (0..=size).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let mut at = 0;
    while let Some(found) = memchr(b'\\', &text.as_bytes()[at..end.max(at)]) {
        let start = at + found;
        at = start + escape(&text[start..]);
        if at > end {
            return if start > 0 { start } else { at.min(text.len()) };
        }
    }
    if end > 0 { end } else { text.chars().next().map_or(text.len(), char::len_utf8) }
}

/// The length of the escape at the start, of both halves where it is one.
fn escape(text: &str) -> usize {
    let is_half = |from: usize, digits: &[u8]| {
        text.as_bytes().get(from..from + 6).is_some_and(|escape| {
            escape.starts_with(b"\\u")
                && escape[2].eq_ignore_ascii_case(&b'd')
                && digits.contains(&escape[3].to_ascii_lowercase())
        })
    };
    match text.as_bytes().get(1) {
        Some(b'u') if is_half(0, b"89ab") && is_half(6, b"cdef") => 12,
        Some(b'u') => 6,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_cut_in_two() {
        let cuts = |text, size| cut(text, size).collect::<Vec<_>>();
        assert_eq!(cuts(r"ab\ncd", 3), ["ab", r"\nc", "d"]);
        assert_eq!(cuts(r"a\u00e9b", 3), ["a", r"\u00e9", "b"]);
        assert_eq!(cuts(r"\ud83d\ude00x", 7), [r"\ud83d\ude00", "x"]);
        assert_eq!(cuts("éé", 3), ["é", "é"]);
        assert_eq!(cuts("éé", 1), ["é", "é"]);
        assert_eq!(cuts(r"\\\\", 3), [r"\\", r"\\"]);
        assert_eq!(cuts("", 3), [""; 0]);
    }

    proptest! {
        #[test]
        fn every_piece_is_a_text_and_together_they_are_it(text in "([a-c]|é|😀|\\\\n|\\\\\\\\|\\\\ud83d\\\\ude00){0,30}", size in 1usize..20) {
            let pieces: Vec<_> = cut(&text, size).collect();
            prop_assert_eq!(pieces.concat(), text.clone());
            for piece in pieces {
                prop_assert!(crate::json::unescape(piece.as_bytes()).is_some(), "{} in {}", piece, text);
                prop_assert!(piece.len() <= size.max(12));
            }
        }
    }
}
