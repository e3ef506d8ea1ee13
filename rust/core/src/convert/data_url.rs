//! `data:` URLs, in which OpenAI's clients put images and files, and base64.

use std::borrow::Cow;

/// The media type and the base64 of a data URL; None for a URL of another kind, or one whose data is not base64.
pub(super) fn split<'a>(url: &Cow<'a, str>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let range = |url: &str| {
        let comma = url.find(',')?;
        let head = url[..comma].get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:"))?;
        let meta = &url[head.len()..comma];
        let media = meta.strip_suffix(";base64")?;
        Some((5..5 + media.find(';').unwrap_or(media.len()), comma + 1))
    };
    let (media, data) = range(url)?;
    Some(match url {
        Cow::Borrowed(url) => (Cow::Borrowed(&url[media]), Cow::Borrowed(&url[data..])),
        Cow::Owned(url) => (Cow::Owned(url[media].to_owned()), Cow::Owned(url[data..].to_owned())),
    })
}

/// The text that base64 holds; None where it is no base64, or what it holds is not UTF-8.
pub(super) fn text(base64: &str) -> Option<String> {
    let mut out = Vec::with_capacity(base64.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in base64.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\n' | b'\r' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff).to_le_bytes()[0]);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_come_apart() {
        let parts = |url: &'static str| split(&Cow::Borrowed(url));
        assert_eq!(parts("data:image/png;base64,AAA=").unwrap(), ("image/png".into(), "AAA=".into()));
        assert_eq!(parts("DATA:text/plain;charset=utf-8;base64,").unwrap(), ("text/plain".into(), "".into()));
        for other in ["data:text/plain,hi", "https://x/y,z", "data:", "", "é,"] {
            assert_eq!(parts(other), None, "{other}");
        }
    }

    #[test]
    fn base64_is_decoded_with_and_without_padding() {
        for (encoded, plain) in [("", ""), ("Zg==", "f"), ("Zm8", "fo"), ("Zm9v\n", "foo"), ("w7w=", "ü")] {
            assert_eq!(text(encoded).as_deref(), Some(plain));
        }
        assert_eq!(text("a b"), None);
        assert_eq!(text("/w=="), None);
    }
}
