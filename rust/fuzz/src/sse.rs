//! The event splitter and decoder: whatever the chunks, the same bytes leave and the same events are seen.

use std::borrow::Cow;

use bytes::Bytes;
use ferrogate_core::dialects::openai::StreamReader;
use ferrogate_core::sse::{Found, Splitter, TAIL_LIMIT, parse, without_mark};

/// Lines, line ends, and the ends of streams.
pub(crate) const WORDS: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    "\r\n\r\n",
    "\n\r",
    "data: ",
    "data:",
    "data",
    ":",
    ": ping",
    "event: error",
    "id: 1",
    "retry: 5",
    "data: [DONE]\n\n",
    "\u{feff}",
    "\u{0}",
    "\u{e9}",
    "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
    "\"finish_reason\":\"stop\"",
    "\"finish_reason\":null",
    "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}",
    "data: {\"error\":{\"message\":\"x\"}}\n\n",
];

/// Up to this length every single cut and every pair of neighbours is tried.
const SHORT: usize = 600;

/// An event: its name, and its data lines joined.
type Event = (Vec<u8>, Vec<u8>);

/// Everything that one way of cutting a stream leads to.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    relayed: Vec<u8>,
    events: Vec<Event>,
    usage: Option<(u64, u64)>,
    finish: Option<Box<str>>,
    done: bool,
    failed: bool,
}

/// All ways of cutting lead to what the standard's algorithm says.
pub(crate) fn check(data: &[u8]) {
    let whole = split([data].into_iter());
    assert_eq!(whole.relayed, data, "bytes are relayed untouched");
    if data.len() > TAIL_LIMIT {
        for size in [100, 10_000] {
            assert_eq!(split(data.chunks(size)).relayed, data, "{size} bytes a chunk");
        }
        return;
    }
    assert_eq!(whole.events, expected(data), "the events of the standard");
    if data.len() <= SHORT {
        assert_eq!(split(data.chunks(1)), whole, "one byte a chunk");
        for cut in 1..data.len() {
            let (head, tail) = data.split_at(cut);
            assert_eq!(split([head, tail].into_iter()), whole, "cut at {cut}");
            let (middle, end) = tail.split_at(1.min(tail.len()));
            assert_eq!(split([head, middle, end].into_iter()), whole, "cut at {cut} and behind it");
        }
    }
    for size in [2, 3, 7, 64, 1000] {
        assert_eq!(split(data.chunks(size)), whole, "{size} bytes a chunk");
    }
}

fn split<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Seen {
    let mut splitter = Splitter::default();
    let mut reader = StreamReader::default();
    let (mut relayed, mut events) = (Vec::new(), Vec::new());
    let mut begun = false;
    let mut see = |found: Found<'_>| {
        if let Found::Whole(raw) = found {
            let event = parse(if std::mem::replace(&mut begun, true) { raw } else { without_mark(raw) });
            if let Some(data) = &event.data {
                events.push((event.name.to_vec(), data.to_vec()));
            }
        }
        reader.found(found);
    };
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk), &mut see, |ready| relayed.extend_from_slice(&ready));
    }
    relayed.extend_from_slice(&splitter.finish(&mut see).unwrap_or_default());
    Seen {
        relayed,
        events,
        usage: reader.usage.map(|usage| (usage.input, usage.output)),
        finish: reader.finish,
        done: reader.done,
        failed: reader.failed,
    }
}

/// The HTML standard's algorithm line by line. An event that the end of the stream closes counts, unlike there.
fn expected(data: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let (mut name, mut text): (Vec<u8>, Option<Vec<u8>>) = (Vec::new(), None);
    for line in lines(without_mark(data)) {
        if line.is_empty() {
            events.extend(text.take().map(|text| (std::mem::take(&mut name), text)));
            name.clear();
            continue;
        }
        let (field, value) = match line.iter().position(|&byte| byte == b':') {
            Some(colon) => (&line[..colon], Cow::Borrowed(&line[colon + 1..])),
            None => (line, Cow::Borrowed(&b""[..])),
        };
        let value = value.strip_prefix(b" ").unwrap_or(&value);
        match field {
            b"data" => match &mut text {
                Some(text) => {
                    text.push(b'\n');
                    text.extend_from_slice(value);
                }
                None => text = Some(value.to_vec()),
            },
            b"event" => name = value.to_vec(),
            _ => {}
        }
    }
    events.extend(text.map(|text| (name, text)));
    events
}

fn lines(data: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut start, mut at) = (Vec::new(), 0, 0);
    while at < data.len() {
        if matches!(data[at], b'\n' | b'\r') {
            lines.push(&data[start..at]);
            at += usize::from(data[at] == b'\r' && data.get(at + 1) == Some(&b'\n'));
            start = at + 1;
        }
        at += 1;
    }
    if start < data.len() {
        lines.push(&data[start..]);
    }
    lines
}
