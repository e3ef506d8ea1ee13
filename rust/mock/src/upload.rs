//! Reading what a client sends, and knowing when it stops half-way.

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::record::{Arrival, Recorder, Trace};
use crate::route;

/// Of a larger body only the beginning is kept; the rest is read and counted.
const BODY_KEPT: usize = 64 << 20;

/// A request body as far as it was kept.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) total: u64,
}

/// An upload that may never end: dropped before [`Upload::done`], it records a client that left.
pub(crate) struct Upload<'a> {
    recorder: Option<&'a Recorder>,
    parts: &'a Parts,
    id: u64,
    started_ms: u64,
    received: Received,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(recorder: Option<&'a Recorder>, parts: &'a Parts, id: u64, started_ms: u64) -> Self {
        Self { recorder, parts, id, started_ms, received: Received::default() }
    }

    /// Reads the body. Most come in one frame, which is kept without a copy.
    pub(crate) async fn read(&mut self, mut body: Incoming) -> Result<(), hyper::Error> {
        let received = &mut self.received;
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            received.total += data.len() as u64;
            if received.bytes.is_empty() && rest.is_empty() {
                received.bytes = data;
                if body.is_end_stream() {
                    return Ok(());
                }
                continue;
            }
            if rest.is_empty() {
                rest.extend_from_slice(&received.bytes);
            }
            let room = BODY_KEPT.saturating_sub(rest.len());
            rest.extend_from_slice(&data[..data.len().min(room)]);
        }
        if !rest.is_empty() {
            received.bytes = rest.freeze();
        }
        Ok(())
    }

    /// The body, and a trace of what becomes of its request.
    pub(crate) fn done(mut self) -> (Received, Trace) {
        let received = std::mem::take(&mut self.received);
        let trace = self.recorder.take().map_or(Trace::off(), |recorder| self.keep(recorder, &received));
        (received, trace)
    }

    fn keep(&self, recorder: &Recorder, received: &Received) -> Trace {
        let key = route::api_key(&self.parts.headers);
        let (id, started_ms, parts) = (self.id, self.started_ms, self.parts);
        recorder.keep(&Arrival {
            id,
            started_ms,
            parts,
            key,
            body: &received.bytes,
            body_bytes: received.total,
        })
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            drop(self.keep(recorder, &self.received));
        }
    }
}
