//! What is sent to a provider.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::request::{BodyFault, InboundBody};

/// A body that can be sent once: here until it is sent, and again where nothing of it had left.
pub(crate) struct OutboundState {
    body: RefCell<Option<InboundBody>>,
    /// Why the client's part of it broke off.
    pub(crate) fault: Cell<Option<BodyFault>>,
}

impl OutboundState {
    /// Nothing of `body` has left.
    pub(crate) fn holding(body: InboundBody) -> Self {
        Self { body: RefCell::new(Some(body)), fault: Cell::new(None) }
    }

    /// Whether it can be sent.
    pub(crate) fn is_here(&self) -> bool {
        self.body.borrow().is_some()
    }

    /// How long it is, as far as that is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.borrow().as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

/// A client's own body on its way out.
pub(crate) struct Through {
    body: Option<InboundBody>,
    started: bool,
    state: Rc<OutboundState>,
}

impl Drop for Through {
    fn drop(&mut self) {
        if !self.started {
            *self.state.body.borrow_mut() = self.body.take();
        }
    }
}

/// A request body on its way out.
pub(crate) enum Outbound {
    /// Known whole: up to three pieces, so that a splice copies nothing. Behind a pointer, because hyper holds room for 32
    /// requests on every connection.
    Pieces(Box<[Bytes; 3]>),
    /// The client's own body, passed through unread.
    Through(Box<Through>),
}

impl Outbound {
    /// A body known whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Pieces(Box::new([bytes, Bytes::new(), Bytes::new()]))
    }

    /// The body that `state` holds.
    pub(crate) fn through(state: &Rc<OutboundState>) -> Self {
        let body = state.body.borrow_mut().take();
        Self::Through(Box::new(Through { body, started: false, state: Rc::clone(state) }))
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
            Self::Through(through) => {
                let Some(body) = &mut through.body else { return Poll::Ready(None) };
                let polled = Pin::new(body).poll_frame(cx);
                through.started |= polled.is_ready();
                if let Poll::Ready(Some(Err(fault))) = &polled {
                    through.state.fault.set(Some(*fault));
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Pieces(pieces) => pieces.iter().all(Bytes::is_empty),
            Self::Through(through) => through.body.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Pieces(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Self::Through(through) => through.body.as_ref().map_or_else(SizeHint::default, Body::size_hint),
        }
    }
}
