//! A request of the ASGI door on its engine thread.

use std::future::{Future, poll_fn};
use std::os::fd::RawFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http_body::Body;

use super::inbox::{Form, Kind};
use super::slot::{HELD_BYTES, Slot};
use crate::relay::Relay;
use crate::request::{Inbound, InboundBody, abandon, handle};
use crate::shard::Shard;

/// One request on its way to an engine thread.
pub(crate) struct Job {
    pub(super) slot: Arc<Slot>,
    pub(super) head: Parts,
    pub(super) body: InboundBody,
    pub(super) form: Form,
    pub(super) submitted: Instant,
    /// The queue's descriptor, which tells its loop from others.
    pub(super) home: RawFd,
}

impl Job {
    /// Serves the request; returns early when the client leaves.
    pub(crate) async fn run(self, shard: Rc<Shard>) {
        let Self { slot, head, body, form, submitted, home } = self;
        let inbound = Inbound {
            head,
            body,
            door: "uvicorn",
            arrived: submitted,
            queued: submitted.elapsed(),
            client: None,
            home: Some(home),
        };
        if slot.is_cancelled() {
            // Nothing was begun for it, but it was asked for: the log says so.
            return abandon(&shard, &inbound);
        }
        let mut handling = pin!(handle(&shard, inbound));
        let response = poll_fn(|cx| match slot.poll_room(cx) {
            Poll::Ready(true) => Poll::Ready(None),
            _ => handling.as_mut().poll(cx).map(Some),
        });
        let Some(response) = response.await else { return };
        let (head, mut body) = response.into_parts();
        let mut headers = head.headers;
        // The ASGI server writes its own.
        headers.remove(http::header::DATE);
        if let Some(length) = body.size_hint().exact() {
            headers.entry(http::header::CONTENT_LENGTH).or_insert_with(|| length.into());
        }
        let status = head.status.as_u16();
        let (first, ended) = poll_fn(|cx| Poll::Ready(drain(&mut body, cx))).await;
        let closes = headers.contains_key(http::header::CONNECTION);
        // Closing is the server's own to do, and it reads the headers that it writes itself.
        if ended == Some(Kind::End) && form != Form::Parts && !closes {
            // A stream that was here at once has no length of its own, and nobody frames it any more.
            if !matches!(status, 204 | 304) {
                headers.entry(http::header::CONTENT_LENGTH).or_insert_with(|| first.len().into());
            }
            return slot.start_encoded(Kind::Encoded, status, encode(&headers, &first));
        }
        let mut framing = Framing::None;
        if form == Form::Encoded {
            framing = Framing::of(status, &mut headers);
            slot.start_encoded(Kind::Opened, status, encode(&headers, &framing.chunk(first)));
        } else if ended == Some(Kind::End) {
            return slot.start(Kind::Whole, status, headers, first);
        } else {
            slot.start(Kind::Head, status, headers, first);
        }
        let end = |kind: Kind| if closes && kind == Kind::End { Kind::Last } else { kind };
        if let Some(kind) = ended {
            return slot.finish(end(kind), framing.end(kind, Bytes::new()));
        }
        loop {
            let step = poll_fn(|cx| match slot.poll_room(cx) {
                Poll::Ready(true) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
                Poll::Ready(false) => match drain(&mut body, cx) {
                    (bytes, None) if bytes.is_empty() => Poll::Pending,
                    step => Poll::Ready(Some(step)),
                },
            });
            let Some((bytes, ended)) = step.await else { return };
            match ended {
                None => slot.push(framing.chunk(bytes)),
                Some(kind) => return slot.finish(end(kind), framing.end(kind, bytes)),
            }
        }
    }
}

/// How the body of an encoded answer tells where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// By its length, or the server sees to it.
    None,
    /// In chunks (RFC 9112, 7.1).
    Chunked,
}

impl Framing {
    fn of(status: u16, headers: &mut http::HeaderMap) -> Self {
        if matches!(status, 204 | 304) || headers.contains_key(http::header::CONTENT_LENGTH) {
            return Self::None;
        }
        headers.insert(http::header::TRANSFER_ENCODING, http::HeaderValue::from_static("chunked"));
        Self::Chunked
    }

    fn chunk(self, bytes: Bytes) -> Bytes {
        if self == Self::None || bytes.is_empty() {
            return bytes;
        }
        let size = format!("{:x}\r\n", bytes.len());
        let mut out = BytesMut::with_capacity(size.len() + bytes.len() + 2);
        out.extend_from_slice(size.as_bytes());
        out.extend_from_slice(&bytes);
        out.extend_from_slice(b"\r\n");
        out.freeze()
    }

    /// The last bytes. What is cut has no last chunk: the client sees that it is not whole.
    fn end(self, kind: Kind, bytes: Bytes) -> Bytes {
        let chunk = self.chunk(bytes);
        if self == Self::None || kind == Kind::Cut {
            return chunk;
        }
        let mut out = BytesMut::from(chunk);
        out.extend_from_slice(b"0\r\n\r\n");
        out.freeze()
    }
}

/// Header lines, an empty line and the body.
fn encode(headers: &http::HeaderMap, body: &[u8]) -> Bytes {
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut out = BytesMut::with_capacity(length + 2 + body.len());
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out.freeze()
}

/// Takes everything that has arrived, up to a bound; says how the answer ended, where it did.
fn drain(body: &mut Relay, cx: &mut Context<'_>) -> (Bytes, Option<Kind>) {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    let finish = |first: Bytes, joined: BytesMut| if joined.is_empty() { first } else { joined.freeze() };
    loop {
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending => return (finish(first, joined), None),
            Poll::Ready(None) => return (finish(first, joined), Some(Kind::End)),
            Poll::Ready(Some(Err(_))) => return (finish(first, joined), Some(Kind::Cut)),
            Poll::Ready(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                if first.is_empty() && joined.is_empty() {
                    first = data;
                } else {
                    if joined.is_empty() {
                        joined.extend_from_slice(&first);
                    }
                    joined.extend_from_slice(&data);
                }
                if first.len().max(joined.len()) >= HELD_BYTES {
                    cx.waker().wake_by_ref();
                    return (finish(first, joined), None);
                }
            }
        }
    }
}
