//! Paths that leave the folder they name, in every spelling that some server undoes.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A path that is encoded more often than this is refused: nobody does that by accident.
const ROUNDS: usize = 3;

/// Whether a path, or a name that goes into one, has a segment `.` or `..` or a control character, as it stands or
/// once a server behind has decoded it: `%2e%2e`, `..%2f`, `%252e`, a backslash for a slash, `..;x`.
///
/// The gateway resolves no path itself. It adds the client's to a provider's base URL together with that provider's
/// key, and what stands above the base URL is nobody's to ask for.
pub fn climbs(path: &str) -> bool {
    // Without a dot or anything that some server decodes there is nothing to look for.
    if path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_')) {
        return false;
    }
    let mut text = Cow::Borrowed(path);
    for _ in 0..ROUNDS {
        if text.chars().any(char::is_control) || text.split(['/', '\\']).any(is_dots) {
            return true;
        }
        if !text.contains('%') {
            return false;
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            return false;
        }
        text = Cow::Owned(decoded);
    }
    true
}

fn is_dots(segment: &str) -> bool {
    // Some servers cut a segment at its parameters before they resolve it.
    matches!(segment.split(';').next(), Some("." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_climb_is_seen() {
        for path in [
            "..",
            ".",
            "a/../b",
            "a/./b",
            "%2e%2e/x",
            ".%2E/x",
            "a/%2e",
            "..%2fx",
            "..%2Fx",
            "a%2f..%2f..%2fx",
            "..\\x",
            "..%5cx",
            "a%5C..%5Cx",
            "%252e%252e/x",
            "..%252fx",
            "%25252e%25252e/x",
            "..;/x",
            "..;a=b/x",
            "..%3b/x",
            "a%00",
            "a%0d%0ab",
            "a\nb",
            "a%7f",
        ] {
            assert!(climbs(path), "{path}");
        }
    }

    #[test]
    fn names_that_only_look_like_one_pass() {
        for path in [
            "",
            "files/file-1/content",
            "models/meta%2Fllama-3.1",
            "a..b/c.d",
            "...",
            "..a/b..",
            ".hidden",
            "100%",
            "a%zz",
            "a%20b",
            "caf%C3%A9",
            "%FF",
            "a;v=1/b",
            "a//b",
        ] {
            assert!(!climbs(path), "{path}");
        }
    }
}
