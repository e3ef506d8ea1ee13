//! Reads one whole event.

use std::borrow::Cow;

use memchr::memchr2;

/// The fields of an event that the gateway reads.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field; empty where there is none.
    pub name: &'a [u8],
    /// The `data:` lines joined by LF; None where there is none (a comment, a bare `id:`).
    pub data: Option<Cow<'a, [u8]>>,
}

/// Reads an event's bytes, with or without the blank line that ends it.
pub fn parse(event: &[u8]) -> Event<'_> {
    let mut parsed = Event { name: b"", data: None };
    let mut rest = event;
    while !rest.is_empty() {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = &rest[(end + 1).min(rest.len())..];
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                parsed.data = Some(match parsed.data.take() {
                    None => Cow::Borrowed(value),
                    Some(before) => Cow::Owned([&before, b"\n".as_slice(), value].concat()),
                });
            }
            b"event" => parsed.name = value,
            _ => {}
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_data_lines_and_ignores_comments() {
        let event = parse(b": hi\r\nevent: delta\r\nid: 7\r\ndata:a\r\ndata:  b\r\n\r\n");
        assert_eq!(event.name, b"delta");
        assert_eq!(event.data.unwrap().as_ref(), b"a\n b");
        assert_eq!(parse(b": ping\n\n").data, None);
        assert_eq!(parse(b"data\n\n").data.unwrap().as_ref(), b"");
    }
}
