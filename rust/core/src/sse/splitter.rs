//! Splits a byte stream into whole events.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// An unfinished event waits up to this many bytes; a longer one flows as it comes.
pub const TAIL_LIMIT: usize = 64 * 1024;
/// What is kept of each end of an event that flows: its name stands in front, its usage and finish reason behind.
const KEPT: usize = 4 * 1024;

/// An event that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// Its bytes with the blank line.
    Whole(&'a [u8]),
    /// It was longer than [`TAIL_LIMIT`] and went by: the two ends of it.
    Long {
        /// How it began.
        start: &'a [u8],
        /// How it ended.
        end: &'a [u8],
    },
}

/// The two ends of an event that flows.
#[derive(Debug)]
struct Flowing {
    start: Bytes,
    end: BytesMut,
}

impl Flowing {
    fn begin(event: &Bytes) -> Self {
        let mut flowing =
            Self { start: Bytes::copy_from_slice(&event[..KEPT.min(event.len())]), end: BytesMut::new() };
        flowing.push(event);
        flowing
    }

    fn push(&mut self, bytes: &[u8]) {
        let fresh = &bytes[bytes.len().saturating_sub(KEPT)..];
        let over = (self.end.len() + fresh.len()).saturating_sub(KEPT);
        let _ = self.end.split_to(over.min(self.end.len()));
        self.end.extend_from_slice(fresh);
    }
}

/// Where in a line the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a line: a line end here ends the event.
    LineStart,
    /// Inside a line.
    Line,
    /// Behind a CR that ended a line with content; an LF now belongs to it.
    LineCr,
    /// Behind a CR that ended an event; an LF now belongs to it.
    EventCr,
}

/// Holds back the unfinished event at the end of a stream, bounded by [`TAIL_LIMIT`].
#[derive(Debug)]
pub struct Splitter {
    place: Place,
    tail: BytesMut,
    flowing: Option<Flowing>,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { place: Place::LineStart, tail: BytesMut::new(), flowing: None }
    }
}

impl Splitter {
    /// Takes a chunk; calls `event` for each event that ends in it and returns, through `ready`, the bytes that may be
    /// relayed now, in order and untouched. An event longer than [`TAIL_LIMIT`] is relayed in pieces.
    pub fn push(&mut self, chunk: Bytes, mut event: impl FnMut(Found<'_>), mut ready: impl FnMut(Bytes)) {
        let mut rest = chunk;
        if !self.tail.is_empty() || self.flowing.is_some() {
            let Some(end) = self.event_end(&rest, 0) else {
                self.hold(&rest, &mut ready);
                return;
            };
            let head = rest.split_to(end);
            if let Some(mut flowing) = self.flowing.take() {
                flowing.push(&head);
                event(Found::Long { start: &flowing.start, end: &flowing.end });
                ready(head);
            } else {
                self.tail.extend_from_slice(&head);
                event(Found::Whole(&self.tail));
                ready(self.tail.split().freeze());
            }
        }
        let mut whole = 0;
        while let Some(end) = self.event_end(&rest, whole) {
            event(Found::Whole(&rest[whole..end]));
            whole = end;
        }
        if whole > 0 {
            ready(rest.split_to(whole));
        }
        if !rest.is_empty() {
            self.hold(&rest, &mut ready);
        }
    }

    /// The upstream ended in good order: what is left is relayed, and counts as an event though no blank line closed it.
    ///
    /// What had flowed of an unfinished event counts as one too.
    pub fn finish(&mut self, mut event: impl FnMut(Found<'_>)) -> Option<Bytes> {
        if let Some(flowing) = &self.flowing {
            event(Found::Long { start: &flowing.start, end: &flowing.end });
        }
        if self.tail.is_empty() {
            return None;
        }
        event(Found::Whole(&self.tail));
        Some(self.tail.split().freeze())
    }

    /// Whether part of an unfinished event has been relayed, so that nothing readable can follow it.
    pub fn is_flowing(&self) -> bool {
        self.flowing.is_some()
    }

    fn hold(&mut self, bytes: &Bytes, ready: &mut impl FnMut(Bytes)) {
        if let Some(flowing) = &mut self.flowing {
            flowing.push(bytes);
            ready(bytes.clone());
            return;
        }
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > TAIL_LIMIT {
            let tail = self.tail.split().freeze();
            self.flowing = Some(Flowing::begin(&tail));
            ready(tail);
        }
    }

    /// One past the next event's end at or after `from`; leaves the place behind it, or behind the chunk.
    fn event_end(&mut self, chunk: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(&byte) = chunk.get(at) {
            match (self.place, byte) {
                (Place::LineCr | Place::EventCr, b'\n') => {
                    at += 1;
                    self.place = Place::LineStart;
                }
                (Place::LineStart, b'\n') => {
                    self.place = Place::LineStart;
                    return Some(at + 1);
                }
                (Place::LineStart | Place::LineCr | Place::EventCr, b'\r') => {
                    if chunk.get(at + 1) == Some(&b'\n') {
                        self.place = Place::LineStart;
                        return Some(at + 2);
                    }
                    self.place = Place::EventCr;
                    return Some(at + 1);
                }
                _ => {
                    if let Some(length) = memchr2(b'\n', b'\r', &chunk[at..]) {
                        let cr = chunk[at + length] == b'\r';
                        at += length + 1;
                        self.place = if cr { Place::LineCr } else { Place::LineStart };
                    } else {
                        self.place = Place::Line;
                        return None;
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(chunks: &[&[u8]]) -> (Vec<String>, Vec<u8>, Splitter) {
        let (mut events, mut relayed, mut splitter) = (Vec::new(), Vec::new(), Splitter::default());
        for chunk in chunks {
            splitter.push(
                Bytes::copy_from_slice(chunk),
                |event| {
                    events.push(match event {
                        Found::Whole(event) => String::from_utf8_lossy(event).into_owned(),
                        Found::Long { start, end } => {
                            format!(
                                "{}..{}",
                                String::from_utf8_lossy(&start[..8]),
                                String::from_utf8_lossy(&end[end.len() - 4..])
                            )
                        }
                    });
                },
                |ready| relayed.extend_from_slice(&ready),
            );
        }
        (events, relayed, splitter)
    }

    #[test]
    fn splits_on_every_kind_of_blank_line() {
        for end in ["\n\n", "\r\n\r\n", "\r\r", "\n\r\n", "\r\n\n"] {
            let stream = format!("data: 1{end}: c{end}data: 2{end}data: half");
            let (events, relayed, _) = run(&[stream.as_bytes()]);
            assert_eq!(events.len(), 3, "{end:?} {events:?}");
            assert_eq!(relayed, &stream.as_bytes()[..stream.len() - "data: half".len()]);
        }
    }

    #[test]
    fn an_unfinished_tail_waits_and_ends_with_the_stream() {
        let (events, relayed, mut splitter) = run(&[b"data: 1\n\ndata: [DO", b"NE]\n"]);
        assert_eq!((events.len(), relayed.as_slice()), (1, b"data: 1\n\n".as_slice()));
        let mut last = Vec::new();
        let keep = |event: Found<'_>| match event {
            Found::Whole(event) => last.extend_from_slice(event),
            Found::Long { .. } => panic!("it is short"),
        };
        assert_eq!(splitter.finish(keep).unwrap(), "data: [DONE]\n");
        assert_eq!(last, b"data: [DONE]\n");
    }

    #[test]
    fn an_event_beyond_the_limit_flows_and_its_ends_are_kept() {
        let big = vec![b'x'; TAIL_LIMIT + 1];
        let (events, relayed, mut splitter) = run(&[b"data: ", &big, b"yy"]);
        assert!(splitter.is_flowing());
        assert_eq!((events.len(), relayed.len()), (0, 6 + TAIL_LIMIT + 1 + 2));
        let mut ends = Vec::new();
        assert!(splitter.finish(|event| ends.push(matches!(event, Found::Long { .. }))).is_none());
        assert_eq!(ends, [true]);
        assert!(splitter.is_flowing(), "half of it went out, and that stays so");
        let (events, relayed, splitter) = run(&[b"data: ", &big, b"z\n\ndata: 2\n\n"]);
        assert_eq!(events, ["data: xx..xz\n\n", "data: 2\n\n"]);
        assert_eq!(relayed.len(), 6 + TAIL_LIMIT + 1 + 3 + 9);
        assert!(!splitter.is_flowing());
    }

    proptest! {
        #[test]
        fn cutting_the_stream_anywhere_changes_nothing(
            lines in prop::collection::vec("(data: [a-z]{0,6}|:|event: e|)", 0..12),
            ends in prop::collection::vec(prop_oneof![Just("\n"), Just("\r\n")], 12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let stream: Vec<u8> =
                lines.iter().zip(&ends).flat_map(|(line, end)| [line.as_bytes(), end.as_bytes()].concat()).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let (whole_events, whole, mut whole_splitter) = run(&[&stream]);
            let (events, relayed, mut splitter) = run(&pieces);
            let data = |events: &[String]| -> Vec<String> {
                events.iter().map(|event| event.trim().replace("\r\n", "\n")).filter(|event| !event.is_empty()).collect()
            };
            prop_assert_eq!(data(&events), data(&whole_events));
            let all = |mut relayed: Vec<u8>, splitter: &mut Splitter| {
                relayed.extend_from_slice(&splitter.finish(|_| {}).unwrap_or_default());
                relayed
            };
            prop_assert_eq!(all(relayed, &mut splitter), stream.clone());
            prop_assert_eq!(all(whole, &mut whole_splitter), stream);
        }
    }
}
