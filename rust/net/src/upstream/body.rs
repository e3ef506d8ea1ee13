//! What is sent to a provider.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::request::{BodyFault, InboundBody};

/// How far a body has got, readable while the connection holds the body itself.
#[derive(Debug, Default)]
pub(crate) struct OutboundState {
    /// Whether anything was taken from it.
    pub(crate) started: Cell<bool>,
    /// Why the client's part of it broke off.
    pub(crate) fault: Cell<Option<BodyFault>>,
}

/// A request body on its way out.
pub(crate) enum Outbound {
    /// Known whole: up to three pieces, so that a splice copies nothing.
    Pieces([Bytes; 3]),
    /// The client's own body, passed through unread.
    Through(Box<InboundBody>, Rc<OutboundState>),
}

impl Outbound {
    /// A body known whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Pieces([bytes, Bytes::new(), Bytes::new()])
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Pieces(pieces) => {
                let next = pieces.iter_mut().find(|piece| !piece.is_empty()).map(std::mem::take);
                Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
            }
            Self::Through(body, state) => {
                let polled = Pin::new(body.as_mut()).poll_frame(cx);
                match &polled {
                    Poll::Ready(Some(Ok(_))) => state.started.set(true),
                    Poll::Ready(Some(Err(fault))) => state.fault.set(Some(*fault)),
                    _ => {}
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Pieces(pieces) => pieces.iter().all(Bytes::is_empty),
            Self::Through(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Pieces(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Self::Through(body, _) => body.size_hint(),
        }
    }
}
