//! Counts the events of a stream and notices whether it was finished, without reading what they say.

/// The last event of a finished chat stream, as the bytes of its line.
const DONE: &[u8] = b"data: [DONE]";
const DONE_TIGHT: &[u8] = b"data:[DONE]";

/// Fed with body bytes in any pieces. An event is counted at the blank line that ends it.
#[derive(Debug, Default)]
pub(crate) struct Events {
    count: u64,
    done: bool,
    /// The line that is not ended yet, up to the length where it can still be `DONE`.
    line: Vec<u8>,
    /// The event in progress has at least one line.
    open: bool,
}

impl Events {
    /// Returns how many events ended in these bytes.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> u64 {
        let before = self.count;
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.keep(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
        self.count - before
    }

    /// Whether `data: [DONE]` was the last line with content.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    fn keep(&mut self, part: &[u8]) {
        // One byte beyond DONE and its \r is enough to know that a line is something else.
        let room = (DONE.len() + 2).saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if line.is_empty() {
            self.count += u64::from(self.open);
            self.open = false;
        } else {
            self.open = true;
            self.done = line == DONE || line == DONE_TIGHT;
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, size: usize) -> Events {
        let mut events = Events::default();
        let told: u64 = text.as_bytes().chunks(size).map(|part| events.feed(part)).sum();
        assert_eq!(told, events.count());
        events
    }

    #[test]
    fn events_are_counted_whatever_the_reads_cut() {
        let stream = "data: {\"a\": 1}\n\n: comment\n\nevent: x\ndata: 1\r\ndata: 2\r\n\r\ndata: [DONE]\n\n";
        for size in 1..=stream.len() {
            let events = read(stream, size);
            assert_eq!((events.count(), events.is_done()), (4, true), "reads of {size}");
        }
    }

    #[test]
    fn only_the_last_line_makes_a_stream_finished() {
        assert!(!read("data: 1\n\n", 64).is_done());
        assert!(!read("data: [DONE]\n\ndata: more\n\n", 64).is_done());
        assert!(!read("data: [DONE]", 64).is_done());
        assert!(!read("data: [DONE] not\n\n", 64).is_done());
        assert!(!read("data: {\"text\": \"data: [DONE]\"}\n\n", 64).is_done());
        assert!(read("data:[DONE]\r\n\r\n", 1).is_done());
    }
}
