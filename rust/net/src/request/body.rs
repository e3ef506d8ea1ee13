//! A client's body, from whichever door.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use ferrogate_core::{GatewayError, Kind};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::pace::Pace;
use crate::door::Fed;
use crate::server::Client;

/// Why a client's body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// The client left before its end.
    Left,
    /// Its framing is wrong.
    Broken,
    /// It is over the limit.
    TooLarge,
    /// It did not arrive in time.
    Slow,
}

impl BodyFault {
    /// What the HTTP parser saw: it calls wrong chunks invalid, and anything else is an end that came too early.
    fn of(error: &hyper::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, InvalidInput};
        let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        match cause.map(std::io::Error::kind) {
            Some(InvalidData | InvalidInput) => Self::Broken,
            _ => Self::Left,
        }
    }

    /// What the client is told, where it still listens.
    pub(crate) fn error(self, limit: u64) -> GatewayError {
        match self {
            Self::Left => GatewayError::new(Kind::ClientClosed, "The body broke off before its end."),
            Self::Broken => GatewayError::new(Kind::InvalidRequest, "The body's framing is not valid HTTP."),
            Self::TooLarge => GatewayError::new(
                Kind::BodyTooLarge,
                format!("The body is over the limit of {limit} bytes; see `limits` in gateway.yaml."),
            ),
            Self::Slow => GatewayError::new(Kind::RequestTimeout, "The body did not arrive in time."),
        }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "the client's body broke off",
            Self::Broken => "the client's body is framed wrongly",
            Self::TooLarge => "the client's body is over the limit",
            Self::Slow => "the client's body did not arrive in time",
        })
    }
}

impl std::error::Error for BodyFault {}

/// A body on its way in.
pub(crate) enum InboundBody {
    /// From a socket of the native listener.
    Socket(Incoming, Client),
    /// From an ASGI server, in parts.
    Fed(Fed),
    /// Known whole.
    Whole(Bytes),
    /// Passed through under a bound on its size and on the pause between two parts.
    Bounded(Box<Bounded>),
}

/// Bounds of a body that is passed through.
pub(crate) struct Bounded {
    body: InboundBody,
    left: u64,
    idle: std::time::Duration,
    timer: Pin<Box<tokio::time::Sleep>>,
    pace: Pace,
}

impl InboundBody {
    /// Bounds what may pass.
    pub(crate) fn bounded(self, bytes: u64, idle: std::time::Duration) -> Self {
        Self::Bounded(Box::new(Bounded {
            body: self,
            left: bytes,
            idle,
            timer: Box::pin(tokio::time::sleep(idle)),
            pace: Pace::new(idle),
        }))
    }
}

impl Bounded {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = self.left.checked_sub(length) else {
                    return Poll::Ready(Some(Err(BodyFault::TooLarge)));
                };
                self.left = left;
                let now = Instant::now();
                if !self.pace.came(now, usize::try_from(length).unwrap_or(usize::MAX)) {
                    return Poll::Ready(Some(Err(BodyFault::Slow)));
                }
                self.timer.as_mut().reset((now + self.idle).into());
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending if std::future::Future::poll(self.timer.as_mut(), cx).is_ready() => {
                Poll::Ready(Some(Err(BodyFault::Slow)))
            }
            Poll::Pending => {
                self.pace.wait(Instant::now());
                Poll::Pending
            }
            other @ Poll::Ready(_) => other,
        }
    }
}

impl Body for InboundBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        match self.get_mut() {
            Self::Socket(incoming, client) => {
                client.poll_body(incoming, cx).map_err(|error| BodyFault::of(&error))
            }
            Self::Fed(fed) => fed.poll_frame(cx),
            Self::Whole(bytes) => {
                let whole = std::mem::take(bytes);
                Poll::Ready((!whole.is_empty()).then(|| Ok(Frame::data(whole))))
            }
            Self::Bounded(bounded) => bounded.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Socket(incoming, _) => incoming.is_end_stream(),
            Self::Fed(fed) => fed.is_end(),
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Bounded(bounded) => bounded.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Socket(incoming, _) => incoming.size_hint(),
            Self::Fed(fed) => fed.size_hint(),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Bounded(bounded) => bounded.body.size_hint(),
        }
    }
}
