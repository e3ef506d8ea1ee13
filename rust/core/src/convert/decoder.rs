//! Takes a stream of events apart, however it is cut.
//!
//! Relaying splits chunks without copying them and lets a long event flow (`sse::Splitter`). A conversion needs every
//! event whole and none of the bytes around it, so it is decoded line by line into one buffer that is used again.

use memchr::memchr2;

/// An event may be this long. Long ones are whole search results or signatures; nothing of Anthropic's comes near.
const EVENT_LIMIT: usize = 4 * 1024 * 1024;

/// An event was longer than can be held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// What is known of the event that has not ended.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The beginning of a line.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a CR: an LF now belongs to it.
    after_cr: bool,
    begun: bool,
}

impl Decoder {
    /// Takes bytes and calls `event` with the name and the data of each event that ends in them.
    pub(crate) fn push(&mut self, bytes: &[u8], mut event: impl FnMut(&[u8], &[u8])) -> Result<(), TooLong> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = memchr2(b'\n', b'\r', rest) {
            let line = std::mem::take(&mut self.line);
            if line.is_empty() {
                self.line(&rest[..at], &mut event);
            } else {
                let mut line = line;
                line.extend_from_slice(&rest[..at]);
                self.line(&line, &mut event);
                line.clear();
                self.line = line;
            }
            let ends_in_cr = rest[at] == b'\r';
            rest = &rest[at + 1..];
            if ends_in_cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            if self.data.len() > EVENT_LIMIT {
                return Err(TooLong);
            }
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > EVENT_LIMIT { Err(TooLong) } else { Ok(()) }
    }

    /// The stream ended: what is left counts as an event though no blank line closed it.
    pub(crate) fn finish(&mut self, mut event: impl FnMut(&[u8], &[u8])) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.line(&line, &mut event);
        }
        self.line(b"", &mut event);
    }

    fn line(&mut self, line: &[u8], event: &mut impl FnMut(&[u8], &[u8])) {
        let line = if self.begun { line } else { crate::sse::without_mark(line) };
        self.begun = true;
        if line.is_empty() {
            if self.has_data {
                event(&self.name, &self.data);
            }
            self.name.clear();
            self.data.clear();
            self.has_data = false;
            return;
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(pieces: &[&[u8]]) -> Vec<String> {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        let mut keep = |name: &[u8], data: &[u8]| {
            events.push(format!("{}|{}", String::from_utf8_lossy(name), String::from_utf8_lossy(data)));
        };
        for piece in pieces {
            decoder.push(piece, &mut keep).unwrap();
        }
        decoder.finish(&mut keep);
        events
    }

    #[test]
    fn events_have_a_name_and_data() {
        let stream = b"\xef\xbb\xbfevent: a\r\ndata: 1\r\ndata:2\r\n\r\n: ping\n\nid: 7\n\ndata\r\rdata: end";
        assert_eq!(run(&[stream]), ["a|1\n2", "|", "|end"]);
    }

    #[test]
    fn an_event_has_a_limit() {
        let mut decoder = Decoder::default();
        let big = vec![b'x'; EVENT_LIMIT + 1];
        assert_eq!(decoder.push(&big, |_, _| {}), Err(TooLong));
    }

    proptest! {
        #[test]
        fn it_may_be_cut_anywhere(
            lines in prop::collection::vec("(data: [a-zü]{0,6}|:|event: e|)", 0..12),
            ends in prop::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let stream: Vec<u8> =
                lines.iter().zip(&ends).flat_map(|(line, end)| [line.as_bytes(), end.as_bytes()].concat()).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(run(&pieces), run(&[&stream]));
        }
    }
}
