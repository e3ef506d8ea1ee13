//! HTTP/1.1 or HTTP/2: told by the first bytes, where no ALPN has told before.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// What an HTTP/2 client sends first (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes that were read to find out, until they are read again.
#[derive(Debug, Default)]
pub(super) struct Start {
    bytes: [u8; PREFACE.len()],
    filled: usize,
    taken: usize,
}

impl Start {
    /// Reads until it is clear whether the client speaks HTTP/2; an end of the input is no HTTP/2.
    pub(super) async fn read<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<bool> {
        poll_fn(|cx| self.poll_read(stream, cx)).await
    }

    fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        loop {
            let mut buf = ReadBuf::new(&mut self.bytes[self.filled..]);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf))?;
            let read = buf.filled().len();
            self.filled += read;
            let seen = &self.bytes[..self.filled];
            if read == 0 || !PREFACE.starts_with(seen) {
                return Poll::Ready(Ok(false));
            }
            if self.filled == PREFACE.len() {
                return Poll::Ready(Ok(true));
            }
        }
    }

    /// Gives the bytes back, before all that follows them.
    pub(super) fn replay(&mut self, buf: &mut ReadBuf<'_>) {
        let left = &self.bytes[self.taken..self.filled];
        let count = left.len().min(buf.remaining());
        buf.put_slice(&left[..count]);
        self.taken += count;
    }

    /// Whether all has been given back.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn told(pieces: &[&[u8]]) -> (bool, Vec<u8>) {
        let (mut client, mut server) = tokio::io::duplex(64);
        let mut start = Start::default();
        let write = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let (is_h2, ()) = tokio::join!(start.read(&mut server), write);
        let mut space = [0; 64];
        let mut buf = ReadBuf::new(&mut space);
        start.replay(&mut buf);
        assert!(start.is_empty());
        (is_h2.unwrap(), buf.filled().to_vec())
    }

    #[tokio::test]
    async fn the_preface_is_told_from_everything_else() {
        assert_eq!(told(&[PREFACE]).await, (true, PREFACE.to_vec()));
        assert_eq!(told(&[&PREFACE[..3], &PREFACE[3..20], &PREFACE[20..]]).await, (true, PREFACE.to_vec()));
        assert_eq!(told(&[b"GET / HTTP/1.1\r\n"]).await, (false, b"GET / HTTP/1.1\r\n".to_vec()));
        assert_eq!(told(&[b"PRI", b" / HTTP/1.1"]).await, (false, b"PRI / HTTP/1.1".to_vec()));
        assert_eq!(told(&[b"PRI"]).await, (false, b"PRI".to_vec()), "the end");
        assert_eq!(told(&[]).await, (false, Vec::new()));
    }
}
