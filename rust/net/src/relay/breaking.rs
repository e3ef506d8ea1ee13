//! The end of an answer that broke off, which nobody must take for a whole one.

use std::task::Poll;

use bytes::Bytes;

use super::Cut;
use crate::server::{Client, Flush};

/// How far the break has got: what went out before must reach the socket first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaking {
    Begun,
    Flushing(Flush),
    Told,
}

impl Breaking {
    /// The part that the flush takes, where it takes one, and then the cut.
    pub(super) fn poll(&mut self, client: Option<&Client>) -> Poll<Result<Bytes, Cut>> {
        loop {
            match (*self, client) {
                (Self::Begun, Some(client)) => {
                    let (flush, last) = client.begin_flush();
                    *self = Self::Flushing(flush);
                    if let Some(last) = last {
                        return Poll::Ready(Ok(last));
                    }
                }
                (Self::Flushing(flush), Some(client)) => {
                    std::task::ready!(client.poll_flushed(flush));
                    *self = Self::Told;
                }
                (Self::Told, _) | (_, None) => return Poll::Ready(Err(Cut)),
            }
        }
    }
}
