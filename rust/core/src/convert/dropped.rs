//! What a conversion could not carry over, by name.

use std::fmt::Write as _;

/// Names of fields that the target could not be told, each once, in the order in which they were met: `logit_bias`,
/// `messages[3].audio`, `tools[0].strict`. A field that was changed (a temperature above the target's highest) is named
/// like one that was left out.
///
/// They become the header `x-gateway-dropped`, or a 400 where the client asked for `x-gateway-strict: true`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped(Vec<Box<str>>);

/// Bytes of the header; what does not fit is counted.
const HEADER_LIMIT: usize = 2048;

impl Dropped {
    /// Names a field.
    pub fn push(&mut self, name: impl Into<Box<str>>) {
        let name = name.into();
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    /// Whether everything was carried over.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The names as the value of a header, separated by `, `. A client chooses the names of unknown fields, so
    /// whatever is no plain visible ASCII is percent-encoded, and what is beyond 2 KiB is counted: `+3 more`.
    pub fn header(&self) -> String {
        let mut out = String::new();
        for (at, name) in self.0.iter().enumerate() {
            let before = out.len();
            if at > 0 {
                out.push_str(", ");
            }
            for byte in name.bytes() {
                if byte.is_ascii_graphic() && !matches!(byte, b',' | b'%') {
                    out.push(char::from(byte));
                } else {
                    let _ = write!(out, "%{byte:02X}");
                }
            }
            if out.len() > HEADER_LIMIT {
                out.truncate(before);
                let separator = if at > 0 { ", " } else { "" };
                let _ = write!(out, "{separator}+{} more", self.0.len() - at);
                break;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_once_and_fit_a_header() {
        let mut dropped = Dropped::default();
        assert!(dropped.is_empty() && dropped.header().is_empty());
        for name in ["seed", "messages[3].audio", "seed", "é,\r\nx: y"] {
            dropped.push(name);
        }
        assert_eq!(dropped.header(), "seed, messages[3].audio, %C3%A9%2C%0D%0Ax:%20y");
        assert_eq!(dropped.names().count(), 3);
        for at in 0..500 {
            dropped.push(format!("unknown_field_{at}"));
        }
        assert!(dropped.header().ends_with(" more") && dropped.header().len() < HEADER_LIMIT + 16);
        let mut long = Dropped::default();
        long.push("x".repeat(3000));
        assert_eq!(long.header(), "+1 more");
    }
}
