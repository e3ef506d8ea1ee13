//! A socket with or without TLS.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::client::TlsStream;

use crate::frames::Frames;

/// An answer of which this much has come is one that its client reads: what the sockets on its way hold is less.
pub(crate) const BULK: u64 = 512 * 1024;
/// Bytes that one read of an HTTP/1.1 connection brings at most before that. Hyper doubles its buffer after a read that
/// fills it, so the buffer stays at 8 kB, which is what a client that does not read makes the gateway hold.
const READ: u64 = 8 * 1024 - 1;

/// One connection's bytes.
pub(crate) struct Stream {
    socket: Socket,
    heard: Heard,
    /// Bytes that have come since nothing was heard.
    came: u64,
    told: Option<Told>,
}

/// What an HTTP/2 connection tells beside its answers.
#[derive(Clone)]
pub(crate) struct Told {
    /// Notified of everything that is heard, the end included.
    pub(super) progress: Arc<Notify>,
    /// The provider takes no more requests on it.
    pub(super) leaving: Heard,
    frames: Rc<RefCell<Frames>>,
}

const GOAWAY: u8 = 7;

impl Told {
    fn new() -> Self {
        let frames = Rc::new(RefCell::new(Frames::behind(0)));
        Self { progress: Arc::default(), leaving: Heard::default(), frames }
    }

    fn hear(&self, bytes: &[u8]) {
        self.frames.borrow_mut().push(bytes, |head| {
            if head.kind == GOAWAY {
                self.leaving.set(true);
            }
        });
        self.progress.notify_waiters();
    }
}

/// Whether the provider has said anything since this was last set to false. TLS's own messages do not count.
pub(crate) type Heard = Rc<Cell<bool>>;

/// With or without TLS.
pub(crate) enum Socket {
    /// Plaintext.
    Tcp(TcpStream),
    /// TLS, with the provider or with a proxy.
    Tls(Box<TlsStream<TcpStream>>),
    /// TLS with the provider inside of TLS with a proxy.
    Through(Box<TlsStream<TlsStream<TcpStream>>>),
}

macro_rules! forward {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match &mut $self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
            Socket::Through(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl Stream {
    /// A connection, and what tells whether the provider speaks on it.
    pub(super) fn new(socket: Socket) -> (Self, Heard) {
        let heard = Heard::default();
        (Self { socket, heard: Rc::clone(&heard), came: 0, told: None }, heard)
    }

    /// A connection of HTTP/2, which tells more.
    pub(super) fn telling(socket: Socket) -> (Self, Heard, Told) {
        let (stream, heard) = Self::new(socket);
        let told = Told::new();
        (Self { told: Some(told.clone()), ..stream }, heard, told)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if !this.heard.get() {
            this.came = 0;
        }
        let most = if this.told.is_some() || this.came >= BULK { u64::MAX } else { READ };
        let polled = match &mut this.socket {
            Socket::Tcp(stream) => Pin::new(&mut stream.take(most)).poll_read(cx, buf),
            Socket::Tls(stream) => Pin::new(&mut stream.as_mut().take(most)).poll_read(cx, buf),
            Socket::Through(stream) => Pin::new(&mut stream.as_mut().take(most)).poll_read(cx, buf),
        };
        if buf.filled().len() > before {
            this.heard.set(true);
            this.came += (buf.filled().len() - before) as u64;
        }
        if polled.is_ready()
            && let Some(told) = &this.told
        {
            told.hear(&buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Tls(stream) => stream.is_write_vectored(),
            Socket::Through(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_shutdown(cx))
    }
}
