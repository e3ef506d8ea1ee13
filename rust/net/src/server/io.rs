//! A client's socket, with or without TLS, that tells its [`Watch`] what happens on it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::frames::HeaderBlocks;
use super::preface::Start;
use super::tls;
use super::watch::Watch;

/// The socket itself: what it takes is what the client's window takes, whatever TLS makes of it.
pub(super) struct Wire {
    stream: TcpStream,
    watch: Arc<Watch>,
}

enum Transport {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
}

/// What hyper reads and writes.
pub(super) struct ClientIo {
    transport: Transport,
    start: Start,
    frames: Option<HeaderBlocks>,
    watch: Arc<Watch>,
}

macro_rules! forward {
    ($transport:expr, $method:ident($($argument:expr),*)) => {
        match $transport {
            Transport::Plain(wire) => Pin::new(wire).$method($($argument),*),
            Transport::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl ClientIo {
    /// Shakes hands where there is TLS, and tells whether the client speaks HTTP/2: by ALPN, and without TLS by the
    /// first bytes.
    pub(super) async fn open(
        stream: TcpStream,
        config: Option<Arc<ServerConfig>>,
        watch: &Arc<Watch>,
    ) -> io::Result<(Self, bool)> {
        let wire = Wire { stream, watch: Arc::clone(watch) };
        let (transport, chosen) = match config {
            Some(config) => {
                let (stream, is_h2) = tls::accept(config, wire).await?;
                (Transport::Tls(Box::new(stream)), Some(is_h2))
            }
            None => (Transport::Plain(wire), None),
        };
        let mut io = Self { transport, start: Start::default(), frames: None, watch: Arc::clone(watch) };
        let is_h2 = if let Some(is_h2) = chosen {
            is_h2
        } else {
            let mut start = Start::default();
            let is_h2 = start.read(&mut io).await?;
            io.start = start;
            is_h2
        };
        if is_h2 {
            watch.become_h2();
            io.frames = Some(HeaderBlocks::new());
        }
        Ok((io, is_h2))
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.start.is_empty() {
            ready!(forward!(&mut this.transport, poll_read(cx, buf)))?;
        } else {
            this.start.replay(buf);
            if buf.remaining() > 0
                && let Poll::Ready(Err(error)) = forward!(&mut this.transport, poll_read(cx, buf))
            {
                return Poll::Ready(Err(error));
            }
        }
        match &mut this.frames {
            Some(frames) => this.watch.headers(frames.push(&buf.filled()[before..])),
            None => this.watch.read(),
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        forward!(&mut self.get_mut().transport, poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(&mut self.get_mut().transport, poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(wire) => wire.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(forward!(&mut this.transport, poll_flush(cx)))?;
        this.watch.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(&mut self.get_mut().transport, poll_shutdown(cx))
    }
}

impl Wire {
    fn note(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Ready(Ok(_)) => self.watch.wrote(true),
            Poll::Pending => self.watch.wrote(false),
            Poll::Ready(Err(_)) => {}
        }
        polled
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.note(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
