//! The way of an answer to the client, after the commit: bytes untouched, a copy to a bounded decoder, back-pressure
//! by polling, and an end that is true.

mod events;
mod running;
mod tail;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

pub(crate) use events::Events;
pub(crate) use running::Running;

use crate::server::{Phase, Watch};

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
    watch: Option<Arc<Watch>>,
}

enum Source {
    Whole(Bytes),
    Running(Box<Running>),
    Control(Incoming),
}

impl Relay {
    /// A body known whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self { source: Source::Whole(bytes), watch: None }
    }

    /// No body.
    pub(crate) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// A body of the control plane.
    pub(crate) fn control(body: Incoming) -> Self {
        Self { source: Source::Control(body), watch: None }
    }

    fn running(running: Box<Running>) -> Self {
        Self { source: Source::Running(running), watch: None }
    }

    /// Ties the body to the client's connection.
    pub(crate) fn attach(&mut self, watch: Option<Arc<Watch>>) {
        self.watch = watch;
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        match &mut this.source {
            Source::Whole(bytes) => {
                let whole = std::mem::take(bytes);
                Poll::Ready((!whole.is_empty()).then(|| Ok(Frame::data(whole))))
            }
            Source::Running(running) => running.poll(cx, this.watch.as_deref()).map(|next| match next {
                None => None,
                Some(Ok(data)) => Some(Ok(Frame::data(data))),
                Some(Err(cut)) => Some(Err(cut)),
            }),
            Source::Control(incoming) => Pin::new(incoming).poll_frame(cx).map_err(|_| Cut),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Running(running) => running.is_over(),
            Source::Control(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Running(running) => running.size_hint(),
            Source::Control(incoming) => incoming.size_hint(),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.enter(Phase::Idle);
        }
    }
}
