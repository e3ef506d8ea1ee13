//! Texts and numbers as they stood on the wire.

use std::borrow::Cow;

use crate::json;

/// A JSON string with its quotes and escapes.
///
/// Most texts are carried from one document to another, so they are copied as they are: no escape is undone and made
/// again, and a lone surrogate, which no Rust string can hold, passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// Takes a value of a valid document; None where it is no string.
    pub fn wire(raw: &'a str) -> Option<Self> {
        (raw.len() >= 2 && raw.starts_with('"')).then_some(Self(Cow::Borrowed(raw)))
    }

    /// Makes one of plain text.
    pub fn of(plain: &str) -> Text<'static> {
        let mut out = Vec::with_capacity(plain.len() + plain.len() / 16 + 2);
        json::escape_into(&mut out, plain);
        Text(Cow::Owned(String::from_utf8(out).unwrap_or_default()))
    }

    /// With quotes, for writing.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Between the quotes, for joining.
    pub fn inner(&self) -> &str {
        &self.0[1..self.0.len() - 1]
    }

    /// What it says; None where it holds a lone surrogate.
    pub fn plain(&self) -> Option<Cow<'_, str>> {
        json::unescape(self.inner().as_bytes())
    }

    /// What it says, for as long as the document lives.
    pub fn into_plain(self) -> Option<Cow<'a, str>> {
        match self.0 {
            Cow::Borrowed(raw) => json::unescape(&raw.as_bytes()[1..raw.len() - 1]),
            Cow::Owned(raw) => {
                json::unescape(&raw.as_bytes()[1..raw.len() - 1]).map(|text| Cow::Owned(text.into_owned()))
            }
        }
    }

    /// Whether it says `plain`.
    pub fn is(&self, plain: &str) -> bool {
        json::key_equals(self.inner().as_bytes(), plain)
    }

    /// Whether there is nothing between the quotes.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 2
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        let first = self.inner().bytes().next();
        // A letter in front, as nearly always, needs no second look.
        first.is_none_or(|byte| byte == b'\\' || byte.is_ascii_whitespace() || !byte.is_ascii())
            && self.plain().is_some_and(|text| text.trim().is_empty())
    }

    /// The same, cut loose from its document.
    pub fn into_owned(self) -> Text<'static> {
        Text(Cow::Owned(self.0.into_owned()))
    }
}

/// A JSON number with its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// Takes a value of a valid document; None where it is no number.
    pub fn wire(raw: &'a str) -> Option<Self> {
        raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then_some(Self(raw))
    }

    /// As it stood, for writing.
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// Its value, rounded to what a float can hold.
    pub fn value(self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Its value where it is a whole number from 0, also where it is written `1.0` or `1e3`.
    pub fn whole(self) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be whole and in range"
        )]
        self.0.parse().ok().or_else(|| {
            let value = self.value();
            (value >= 0.0 && value.fract() == 0.0 && value < 9e15).then_some(value as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_escapes() {
        let text = Text::wire(r#""caf\u00e9 \ud800""#).unwrap();
        assert_eq!((text.raw(), text.plain()), (r#""caf\u00e9 \ud800""#, None));
        assert_eq!(Text::wire(r#""\/x""#).unwrap().into_plain().unwrap(), "/x");
        assert_eq!(Text::of("a\"\n").raw(), r#""a\"\n""#);
        assert!(Text::wire(r#""us\u0065r""#).unwrap().is("user"));
        assert_eq!(Text::wire("7"), None);
    }

    #[test]
    fn white_space_is_seen_through_escapes() {
        for blank in [r#""""#, r#"" ""#, r#""\n\t""#, r#""\u00a0""#, "\"\u{2003}\""] {
            assert!(Text::wire(blank).unwrap().is_blank(), "{blank}");
        }
        for text in [r#""a ""#, r#"" a""#, r#""\ud800""#, r#""\\""#, "\"é\""] {
            assert!(!Text::wire(text).unwrap().is_blank(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_in_every_spelling() {
        for (raw, whole) in
            [("1024", Some(1024)), ("1e3", Some(1000)), ("2.0", Some(2)), ("1.5", None), ("-1", None)]
        {
            assert_eq!(Number::wire(raw).unwrap().whole(), whole, "{raw}");
        }
        assert_eq!(Number::wire("null"), None);
    }
}
