//! What arrived, and whether and when the client left.
//!
//! A request is kept as one compact block, not as hyper's header map and body: those share the connection's read
//! buffer, so that keeping them would pin kilobytes a request and force a new buffer each time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use serde::Serialize;

use crate::text;

/// Bodies up to here are copied out of the read buffer; above, the copy would cost more than the pin.
const COPY_BELOW: usize = 16 << 10;
/// Accounting of an entry beside its head and body.
const ENTRY_OVERHEAD: usize = 160;

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One request. Times are 0 until they are known.
#[derive(Debug)]
pub(crate) struct Entry {
    id: u64,
    started_ms: u64,
    key: Option<Box<str>>,
    /// `METHOD target` and one `name: value` a line, each ended by `\n`, which no header value may contain.
    head: Box<[u8]>,
    body: Bytes,
    body_bytes: u64,
    status: AtomicU16,
    finished_ms: AtomicU64,
    left_ms: AtomicU64,
}

/// The last requests, bounded in bytes.
#[derive(Debug)]
pub(crate) struct Recorder {
    limit: usize,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
}

/// What is known of a request when it is kept.
pub(crate) struct Arrival<'a> {
    pub(crate) id: u64,
    pub(crate) started_ms: u64,
    pub(crate) parts: &'a Parts,
    pub(crate) key: Option<&'a str>,
    /// The body, or its beginning.
    pub(crate) body: &'a Bytes,
    /// How long the body was.
    pub(crate) body_bytes: u64,
}

impl Recorder {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, log: Mutex::default() }
    }

    /// Keeps a request; the trace that comes back tells how it ended.
    pub(crate) fn keep(&self, arrival: &Arrival<'_>) -> Trace {
        let head = head(arrival.parts);
        let room = self.limit.saturating_sub(head.len() + ENTRY_OVERHEAD);
        let body = match arrival.body.len() {
            size if size > room => Bytes::new(),
            size if size < COPY_BELOW => Bytes::copy_from_slice(arrival.body),
            _ => arrival.body.clone(),
        };
        let entry = Arc::new(Entry {
            id: arrival.id,
            started_ms: arrival.started_ms,
            key: arrival.key.map(Into::into),
            head,
            body,
            body_bytes: arrival.body_bytes,
            status: AtomicU16::new(0),
            finished_ms: AtomicU64::new(0),
            left_ms: AtomicU64::new(0),
        });
        let size = entry.size();
        let mut evicted = None;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.bytes += size;
        log.entries.push_back(Arc::clone(&entry));
        while log.bytes > self.limit {
            let Some(oldest) = log.entries.pop_front() else { break };
            log.bytes -= oldest.size();
            evicted = Some(oldest);
        }
        drop(log);
        drop(evicted);
        Trace(Some(entry))
    }

    pub(crate) fn clear(&self) {
        let kept = std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner));
        drop(kept);
    }

    /// JSON list, newest last: the last `limit` requests, of one key where `key` is given.
    pub(crate) fn list(&self, key: Option<&str>, limit: usize) -> Result<Vec<u8>, serde_json::Error> {
        let kept: Vec<Arc<Entry>> = {
            let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = |entry: &&Arc<Entry>| key.is_none_or(|key| entry.key.as_deref() == Some(key));
            log.entries.iter().rev().filter(wanted).take(limit).cloned().collect()
        };
        let rows: Vec<Row<'_>> = kept.iter().rev().map(|entry| entry.row()).collect();
        serde_json::to_vec(&rows)
    }
}

fn head(parts: &Parts) -> Box<[u8]> {
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let lines: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 3).sum();
    let mut head = Vec::with_capacity(parts.method.as_str().len() + target.len() + 2 + lines);
    for part in [parts.method.as_str(), " ", target, "\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"] {
            head.extend_from_slice(part);
        }
    }
    head.into_boxed_slice()
}

/// How one request was seen from outside.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    key: Option<&'a str>,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body_bytes: u64,
    body_truncated: bool,
    body_text: Option<&'a str>,
    body_base64: String,
    started_ms: u64,
    status: Option<u16>,
    finished: bool,
    finished_ms: Option<u64>,
    client_left: bool,
    client_left_ms: Option<u64>,
}

impl Entry {
    fn size(&self) -> usize {
        ENTRY_OVERHEAD + self.head.len() + self.body.len()
    }

    fn row(&self) -> Row<'_> {
        let mut lines = self.head.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
        let request = lines.next().unwrap_or_default();
        let (method, target) = request.split_once(' ').unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.to_owned()))
        });
        let known = |time: &AtomicU64| Some(time.load(Ordering::Acquire)).filter(|ms| *ms > 0);
        let (finished_ms, client_left_ms) = (known(&self.finished_ms), known(&self.left_ms));
        Row {
            id: text::request_id(self.id),
            key: self.key.as_deref(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.collect(),
            body_bytes: self.body_bytes,
            body_truncated: self.body.len() as u64 != self.body_bytes,
            body_text: std::str::from_utf8(&self.body).ok(),
            body_base64: text::base64(&self.body),
            started_ms: self.started_ms,
            status: Some(self.status.load(Ordering::Acquire)).filter(|code| *code > 0),
            finished: finished_ms.is_some(),
            finished_ms,
            client_left: client_left_ms.is_some(),
            client_left_ms,
        }
    }
}

/// Follows one request to its end: whoever drops it without [`Trace::finish`] says that the client left.
#[derive(Debug)]
pub(crate) struct Trace(Option<Arc<Entry>>);

impl Trace {
    /// A trace of nothing, where recording is off.
    pub(crate) const fn off() -> Self {
        Self(None)
    }

    pub(crate) fn status(&self, code: u16) {
        if let Some(entry) = &self.0 {
            entry.status.store(code, Ordering::Release);
        }
    }

    /// All that was to be sent has been handed to the connection.
    pub(crate) fn finish(&mut self) {
        if let Some(entry) = self.0.take() {
            entry.finished_ms.store(unix_ms(), Ordering::Release);
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if let Some(entry) = self.0.take() {
            entry.left_ms.store(unix_ms(), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(recorder: &Recorder, id: u64, body: &'static [u8]) -> Trace {
        let request = http::Request::post("/v1/x?a=b").header("x-thing", "1").body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let (body, body_bytes) = (Bytes::from_static(body), body.len() as u64);
        recorder.keep(&Arrival { id, started_ms: 5, parts: &parts, key: Some("k"), body: &body, body_bytes })
    }

    fn rows(recorder: &Recorder) -> Vec<serde_json::Value> {
        serde_json::from_slice(&recorder.list(None, usize::MAX).unwrap()).unwrap()
    }

    #[test]
    fn a_row_shows_what_arrived_and_how_it_ended() {
        let recorder = Recorder::new(1 << 20);
        keep(&recorder, 1, b"\xff\x00").finish();
        drop(keep(&recorder, 2, b"{}"));
        let rows = rows(&recorder);
        assert_eq!(rows[0]["method"], "POST");
        assert_eq!((&rows[0]["path"], &rows[0]["query"]), (&"/v1/x".into(), &"a=b".into()));
        assert_eq!(rows[0]["headers"], serde_json::json!([["x-thing", "1"]]));
        assert_eq!(rows[0]["body_base64"], "/wA=");
        assert!(rows[0]["body_text"].is_null());
        assert_eq!((&rows[0]["finished"], &rows[0]["client_left"]), (&true.into(), &false.into()));
        assert_eq!(rows[1]["body_text"], "{}");
        assert_eq!((&rows[1]["finished"], &rows[1]["client_left"]), (&false.into(), &true.into()));
    }

    #[test]
    fn the_oldest_go_when_the_bound_is_reached() {
        let recorder = Recorder::new(1000);
        for id in 0..50 {
            keep(&recorder, id, &[b'x'; 100]).finish();
        }
        let kept = rows(&recorder);
        assert!((2..=4).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept[kept.len() - 1]["id"], text::request_id(49));
        assert!(recorder.log.lock().unwrap().bytes <= 1000);
        recorder.clear();
        assert!(rows(&recorder).is_empty());
    }

    #[test]
    fn a_body_beyond_the_bound_is_left_out_and_said_so() {
        let recorder = Recorder::new(1000);
        keep(&recorder, 1, &[b'x'; 2000]).finish();
        let rows = rows(&recorder);
        assert_eq!((&rows[0]["body_bytes"], &rows[0]["body_truncated"]), (&2000.into(), &true.into()));
        assert_eq!(rows[0]["body_text"], "");
    }

    #[test]
    fn lists_can_be_narrowed() {
        let recorder = Recorder::new(1 << 20);
        for id in 0..3 {
            keep(&recorder, id, b"").finish();
        }
        let last: Vec<serde_json::Value> =
            serde_json::from_slice(&recorder.list(Some("k"), 1).unwrap()).unwrap();
        assert_eq!(last[0]["id"], text::request_id(2));
        assert_eq!(recorder.list(Some("other"), 9).unwrap(), b"[]");
    }
}
