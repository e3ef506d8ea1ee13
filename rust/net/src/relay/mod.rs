//! The way of an answer to the client, after the commit: bytes untouched, a copy to a bounded decoder, back-pressure
//! by polling, and an end that is true.

mod breaking;
mod events;
mod hooked;
mod plain;
mod riding;
mod running;
mod tail;

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

pub(crate) use events::Events;
use hooked::Hooked;
use riding::Riding;
pub(crate) use running::Running;

use crate::cache::Rider;
use crate::hooks::{AnswerFacts, Passage};
use crate::observe::Ticket;
use crate::server::{Client, Stream};
use crate::upstream::BULK;

/// The answer broke off: the connection must end abnormally, so that nobody takes it for whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer broke off")
    }
}

impl std::error::Error for Cut {}

/// An answer's body.
pub(crate) struct Relay {
    source: Source,
    client: Option<Client>,
    /// The client was given all that there is.
    ended: bool,
    /// Bytes handed over since a flush of the connection, and how many flushes there had been.
    handed: usize,
    flushes: u64,
    /// Bytes handed over since the socket last took none.
    flown: u64,
}

enum Source {
    Whole(Bytes),
    Running(Box<Running>),
    Riding(Box<Riding>),
    Hooked(Box<Hooked>),
    Control(Incoming),
}

impl Relay {
    /// A body known whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::new(Source::Whole(bytes))
    }

    /// The body, where it is known whole and was not read yet.
    pub(crate) fn as_whole(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Whole(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// No body.
    pub(crate) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// A body of the control plane.
    pub(crate) fn control(body: Incoming) -> Self {
        Self::new(Source::Control(body))
    }

    /// An answer that comes from a call which others may share; `ticket` is that of one who joined it, `length` what the
    /// head says.
    pub(crate) fn riding(rider: Rider, ticket: Option<Ticket>, length: Option<u64>) -> Self {
        Self::new(Source::Riding(Box::new(Riding::new(rider, ticket, length))))
    }

    /// The stream `inner` on its way through hooks; `named` as in [`Events::new`].
    pub(crate) fn hooked(
        mut inner: Self,
        passage: Rc<Passage>,
        answer: Arc<AnswerFacts>,
        named: bool,
    ) -> Self {
        let source = std::mem::replace(&mut inner.source, Source::Whole(Bytes::new()));
        Self::new(Source::Hooked(Box::new(Hooked::new(source, passage, answer, named))))
    }

    fn running(running: Box<Running>) -> Self {
        Self::new(Source::Running(running))
    }

    fn new(source: Source) -> Self {
        Self { source, client: None, ended: false, handed: 0, flushes: 0, flown: 0 }
    }

    /// Ties the body to the client.
    pub(crate) fn attach(&mut self, client: Option<Client>) {
        self.client = client;
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.source.poll(cx, self.client.as_ref())
    }

    /// On HTTP/2: tells the stream what is handed over, and lets its last part keep it open.
    fn poll_stream(
        &mut self,
        stream: &Arc<Stream>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        stream.asked();
        let next = match std::task::ready!(self.poll_source(cx)) {
            None if self.ended => return Poll::Ready(None),
            None => {
                self.ended = true;
                Some(Ok(Frame::data(stream.last(Bytes::new()))))
            }
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(data) if self.is_source_over() => {
                    self.ended = true;
                    Frame::data(stream.last(data))
                }
                Ok(data) => Frame::data(data),
                Err(other) => other,
            })),
            cut => cut,
        };
        stream.handed();
        Poll::Ready(next)
    }

    fn is_source_over(&self) -> bool {
        self.source.is_over()
    }
}

impl Source {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: Option<&Client>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let next = match self {
            Self::Whole(bytes) => {
                let whole = match client {
                    Some(Client::Stream(_)) => bytes.split_to(bytes.len().min(PART)),
                    _ => std::mem::take(bytes),
                };
                return Poll::Ready((!whole.is_empty()).then(|| Ok(Frame::data(whole))));
            }
            Self::Running(running) => running.poll(cx, client),
            Self::Riding(riding) => riding.poll(cx, client),
            Self::Hooked(hooked) => hooked.poll(cx, client),
            Self::Control(incoming) => return Pin::new(incoming).poll_frame(cx).map_err(|_| Cut),
        };
        next.map(|next| next.map(|data| data.map(Frame::data)))
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Running(running) => running.is_over(),
            Self::Riding(riding) => riding.is_over(),
            Self::Hooked(hooked) => hooked.is_over(),
            Self::Control(incoming) => incoming.is_end_stream(),
        }
    }
}

/// An HTTP/1.1 connection is flushed once it has taken this much, and takes no more before that: hyper collects 64 kB,
/// which a client that does not read would make the gateway hold. One that has read for a while gets larger pieces.
const HANDED: usize = 4 * 1024;

/// A whole body goes to an HTTP/2 stream in parts, so that one that stands still is noticed before its last.
const PART: usize = 64 * 1024;

impl Body for Relay {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        if let Some(Client::Stream(stream)) = &this.client {
            let stream = Arc::clone(stream);
            return this.poll_stream(&stream, cx);
        }
        let (Some(Client::Connection(watch)), Source::Running(_) | Source::Hooked(_)) =
            (&this.client, &this.source)
        else {
            return this.poll_source(cx);
        };
        let flushes = watch.flushes();
        if this.flushes != flushes {
            (this.handed, this.flushes) = (0, flushes);
        }
        if watch.holds_back() {
            this.flown = 0;
            return Poll::Pending;
        }
        if this.handed >= HANDED && this.flown < BULK {
            watch.await_flush();
            return Poll::Pending;
        }
        let next = std::task::ready!(this.source.poll(cx, this.client.as_ref()));
        if let Some(Ok(frame)) = &next {
            let length = frame.data_ref().map_or(0, Bytes::len);
            this.handed += length;
            this.flown += length as u64;
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.is_source_over()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Running(running) => running.size_hint(),
            Source::Riding(_) | Source::Hooked(_) => SizeHint::default(),
            Source::Control(incoming) => incoming.size_hint(),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(client) = &self.client {
            client.leave();
        }
    }
}
