//! How an HTTP/1.1 connection ends: a client that was not understood is told so in the shape of every other error, and
//! one that is still sending is heard out for a moment, because closing on unread bytes makes the kernel reset the
//! connection and the answer is lost with it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ferrogate_core::{GatewayError, Kind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::watch::{Phase, Watch};
use crate::request::last_words;

/// How long a client may go on sending what nobody reads.
const PATIENCE: Duration = Duration::from_secs(2);

/// A stream on which the HTTP parser's own words are held back: it answers a head that it cannot read with a bare
/// status line, where no request was made that anybody else could answer.
pub(super) struct Muted<S> {
    stream: S,
    watch: Arc<Watch>,
    silenced: bool,
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// In order, or after an answer that did not wait for the rest of its request.
    Over,
    /// By a fault that the HTTP parser saw.
    Failed(hyper::Error),
    /// A clock ran out.
    Expired,
}

impl From<hyper::Result<()>> for Ending {
    fn from(result: hyper::Result<()>) -> Self {
        match result {
            Ok(()) => Self::Over,
            Err(error) => Self::Failed(error),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Muted<S> {
    pub(super) fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self { stream, watch, silenced: false }
    }

    /// What the client has not been told yet.
    fn error(&self, ending: &Ending) -> Option<GatewayError> {
        let (kind, message) = match ending {
            Ending::Failed(error) if self.silenced && error.is_parse_too_large() => {
                (Kind::HeadersTooLarge, "The headers are too many or too large.")
            }
            Ending::Failed(_) if self.silenced => (Kind::InvalidRequest, "The request is not valid HTTP."),
            Ending::Expired if self.watch.is_in(Phase::Head) && self.watch.is_unasked() => {
                (Kind::RequestTimeout, "The headers did not arrive in time.")
            }
            _ => return None,
        };
        Some(GatewayError::new(kind, message))
    }

    /// Ends the connection; at once where the gateway itself is ending.
    pub(super) async fn farewell(mut self, ending: &Ending, in_haste: bool) {
        let error = self.error(ending);
        // An answer that was cut has said why, which a reset would take away from a client with more to say.
        let was_cut = matches!(ending, Ending::Failed(error) if error.is_user());
        let is_heard_out = error.is_some() || was_cut || matches!(ending, Ending::Over);
        if let Some(error) = error {
            let words = last_words(&error);
            // Once and without waiting: a few hundred bytes fit any socket that is read at all.
            poll_fn(|cx| {
                let _ = Pin::new(&mut self.stream).poll_write(cx, &words);
                let _ = Pin::new(&mut self.stream).poll_flush(cx);
                Poll::Ready(())
            })
            .await;
        }
        if is_heard_out && !in_haste {
            tokio::time::timeout(PATIENCE, hear_out(self.stream)).await.ok();
        }
    }

    fn mutes(&mut self) -> bool {
        self.silenced |= self.watch.is_unasked();
        self.silenced
    }
}

async fn hear_out<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await.ok();
    let mut unread = vec![0; 8192];
    while stream.read(&mut unread).await.is_ok_and(|length| length > 0) {}
}

impl<S: AsyncRead + Unpin> AsyncRead for Muted<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Muted<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.mutes() {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.mutes() {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        Pin::new(&mut this.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.silenced {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
