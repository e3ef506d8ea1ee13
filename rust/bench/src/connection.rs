//! One client connection that is kept alive, and one exchange on it.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::observe::Observer;
use crate::wire::{Body, Head};

/// Why an exchange has no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// No connection could be opened.
    Connect,
    /// The connection broke before the answer's head was whole.
    Reset,
    /// The server closed the connection before the answer's head was whole.
    Closed,
    /// The connection ended inside the answer's body.
    Cut,
    /// The time for one request was over.
    Timeout,
    /// What came back is not HTTP.
    Invalid,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Cut => "cut",
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, detail: &dyn std::fmt::Display) -> Self {
        Self { kind, detail: detail.to_string() }
    }
}

/// A whole answer: all body bytes that its framing promised have arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) end: Instant,
}

const READ_BUFFER: usize = 32 * 1024;

/// A slot for a connection; it connects when it is first used and again whenever the last one could not be kept.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    opened: u64,
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self { stream: None, buffer: vec![0; READ_BUFFER], opened: 0 }
    }

    /// A connection that is open already. Needs a running runtime.
    pub(crate) fn opened_before(stream: std::net::TcpStream) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: Some(TcpStream::from_std(stream)?), opened: 1, ..Self::new() })
    }

    /// How often it connected.
    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    /// Send the request and read the answer to its end.
    ///
    /// A kept connection that the server closed before any byte of the answer is replaced once: servers may close idle
    /// connections at any time. `observer.resent` tells.
    pub(crate) async fn exchange(
        &mut self,
        address: SocketAddr,
        request: &[u8],
        observer: &mut Observer<'_>,
    ) -> Result<Answer, Failure> {
        let reused = self.stream.is_some();
        match self.attempt(address, request, observer).await {
            Err(Failure { kind: Kind::Reset | Kind::Closed, .. }) if reused && !observer.answered => {
                observer.resent = true;
                self.attempt(address, request, observer).await
            }
            other => other,
        }
    }

    async fn attempt(
        &mut self,
        address: SocketAddr,
        request: &[u8],
        observer: &mut Observer<'_>,
    ) -> Result<Answer, Failure> {
        // Taken out, so that every early return, and a cancelled future, drops it.
        let mut stream = if let Some(kept) = self.stream.take() {
            kept
        } else {
            let opened = open(address).await.map_err(|error| Failure::new(Kind::Connect, &error))?;
            self.opened += 1;
            opened
        };
        stream.write_all(request).await.map_err(|error| Failure::new(Kind::Reset, &error))?;
        let (answer, keep) = read_answer(&mut stream, &mut self.buffer, observer).await?;
        if keep {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

async fn open(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn read_answer(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    observer: &mut Observer<'_>,
) -> Result<(Answer, bool), Failure> {
    let (head, mut start, mut end) = read_head(stream, buffer, observer).await?;
    let mut body = Body::new(head.framing);
    let mut now = Instant::now();
    loop {
        let used = body
            .feed(&buffer[start..end], |bytes| observer.body(bytes, now))
            .map_err(|text| Failure::new(Kind::Invalid, &text))?;
        start += used;
        if body.is_done() {
            // Bytes after the end belong to no request, so the connection is not used again.
            let keep = head.keep_alive && start == end;
            return Ok((Answer { status: head.status, end: now }, keep));
        }
        start = 0;
        end = match stream.read(buffer).await {
            Ok(0) if body.ends_at_close() => {
                return Ok((Answer { status: head.status, end: Instant::now() }, false));
            }
            Ok(0) => return Err(Failure::new(Kind::Cut, &"the connection ended inside the answer")),
            Ok(read) => read,
            Err(error) => return Err(Failure::new(Kind::Cut, &error)),
        };
        now = Instant::now();
    }
}

/// The head of the final answer, and where in the buffer its body starts and the bytes read so far end.
async fn read_head(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    observer: &mut Observer<'_>,
) -> Result<(Head, usize, usize), Failure> {
    let (mut start, mut end) = (0, 0);
    loop {
        if end > start
            && let Some((head, length)) =
                Head::parse(&buffer[start..end]).map_err(|text| Failure::new(Kind::Invalid, &text))?
        {
            start += length;
            if head.status >= 200 {
                return Ok((head, start, end));
            }
            continue;
        }
        if end == buffer.len() {
            return Err(Failure::new(Kind::Invalid, &"the answer's head is larger than 32 KiB"));
        }
        match stream.read(&mut buffer[end..]).await {
            Ok(0) => {
                return Err(Failure::new(
                    Kind::Closed,
                    &"the server closed the connection without an answer",
                ));
            }
            Ok(read) => end += read,
            Err(error) => return Err(Failure::new(Kind::Reset, &error)),
        }
        observer.answered = true;
    }
}
