//! Just enough HTTP/1.1 to read an answer: the head, and the end of the body.
//!
//! The generator does not need what an answer says, only when it starts, how large it is and whether it is whole, so
//! body bytes are passed on as slices of the read buffer and never copied.

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Status, framing and whether the connection may carry another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
}

const MAX_HEADERS: usize = 100;

impl Head {
    /// The head at the start of `bytes` and its length; `None` while it is not whole.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(format!("the answer's head is not HTTP/1: {error}")),
        };
        let status = response.code.unwrap_or_default();
        let mut framing =
            if matches!(status, 100..=199 | 204 | 304) { Framing::Length(0) } else { Framing::UntilClose };
        let bodyless = framing == Framing::Length(0);
        let mut keep_alive = response.version == Some(1);
        for header in response.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("connection") {
                keep_alive = keep_alive && !header.value.eq_ignore_ascii_case(b"close");
            } else if bodyless {
            } else if is("transfer-encoding") {
                framing = Framing::Chunked;
            } else if is("content-length") && framing != Framing::Chunked {
                let length = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok());
                framing = Framing::Length(length.ok_or("the answer's content-length is not a number")?);
            }
        }
        keep_alive = keep_alive && framing != Framing::UntilClose;
        Ok(Some((Self { status, framing, keep_alive }, length)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size { value: u64, digits: u8 },
    Extension { value: u64 },
    Data { left: u64 },
    DataEnd,
    Trailer { empty: bool },
    Done,
}

/// Follows a body through reads of any size.
#[derive(Debug)]
pub(crate) struct Body {
    framing: Framing,
    left: u64,
    at: At,
}

impl Body {
    pub(crate) fn new(framing: Framing) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        Self { framing, left, at: At::Size { value: 0, digits: 0 } }
    }

    pub(crate) fn is_done(&self) -> bool {
        match self.framing {
            Framing::Length(_) => self.left == 0,
            Framing::Chunked => self.at == At::Done,
            Framing::UntilClose => false,
        }
    }

    /// Whether the connection's end is the body's proper end.
    pub(crate) fn ends_at_close(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    /// Take what belongs to the body from the front of `input`, handing its content to `content`; returns how much.
    pub(crate) fn feed(&mut self, input: &[u8], mut content: impl FnMut(&[u8])) -> Result<usize, String> {
        match self.framing {
            Framing::UntilClose => {
                content(input);
                Ok(input.len())
            }
            Framing::Length(_) => {
                let take = clamp(self.left, input.len());
                content(&input[..take]);
                self.left -= take as u64;
                Ok(take)
            }
            Framing::Chunked => self.feed_chunks(input, content),
        }
    }

    fn feed_chunks(&mut self, input: &[u8], mut content: impl FnMut(&[u8])) -> Result<usize, String> {
        let mut pos = 0;
        while pos < input.len() && self.at != At::Done {
            if let At::Data { left } = self.at {
                let take = clamp(left, input.len() - pos);
                content(&input[pos..pos + take]);
                pos += take;
                let left = left - take as u64;
                self.at = if left == 0 { At::DataEnd } else { At::Data { left } };
                continue;
            }
            let byte = input[pos];
            pos += 1;
            self.at = step(self.at, byte).ok_or("the answer's chunked framing is broken")?;
        }
        Ok(pos)
    }
}

/// One byte of the framing between chunks.
fn step(at: At, byte: u8) -> Option<At> {
    let sized = |value| if value == 0 { At::Trailer { empty: true } } else { At::Data { left: value } };
    Some(match (at, byte) {
        (At::Size { value, digits: 1.. } | At::Extension { value }, b'\n') => sized(value),
        (At::Size { value, digits: 1.. }, b'\r' | b';' | b' ' | b'\t') => At::Extension { value },
        (At::DataEnd | At::Trailer { .. }, b'\r') | (At::Extension { .. }, _) => at,
        (At::Size { value, digits: digits @ 0..16 }, _) => {
            let digit = char::from(byte).to_digit(16)?;
            At::Size { value: value << 4 | u64::from(digit), digits: digits + 1 }
        }
        (At::DataEnd, b'\n') => At::Size { value: 0, digits: 0 },
        (At::Trailer { empty: true }, b'\n') => At::Done,
        (At::Trailer { .. }, _) => At::Trailer { empty: byte == b'\n' },
        _ => return None,
    })
}

fn clamp(left: u64, room: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        let (head, length) = Head::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        head
    }

    #[test]
    fn framing_follows_the_headers() {
        let ok = "HTTP/1.1 200 OK\r\n";
        assert_eq!(head(&format!("{ok}Content-Length: 12\r\n\r\n")).framing, Framing::Length(12));
        assert_eq!(
            head(&format!("{ok}content-length: 12\r\ntransfer-encoding: chunked\r\n\r\n")).framing,
            Framing::Chunked
        );
        assert_eq!(head(&format!("{ok}\r\n")).framing, Framing::UntilClose);
        assert!(!head(&format!("{ok}\r\n")).keep_alive);
        assert!(head(&format!("{ok}content-length: 0\r\n\r\n")).keep_alive);
        assert!(!head(&format!("{ok}content-length: 0\r\nconnection: Close\r\n\r\n")).keep_alive);
        assert!(!head("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").keep_alive);
        assert_eq!(head("HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n").framing, Framing::Length(0));
    }

    #[test]
    fn an_unfinished_head_waits_and_a_wrong_one_is_refused() {
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        assert!(Head::parse(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").is_err());
    }

    const CHUNKED: &[u8] =
        b"5\r\nhello\r\n1;ext=\"a\"\r\n \r\nB\r\nwide world!\r\n0\r\nx-trailer: 1\r\n\r\nNEXT";

    #[test]
    fn chunks_are_read_whatever_the_reads_cut() {
        for size in 1..CHUNKED.len() {
            let mut body = Body::new(Framing::Chunked);
            let mut seen = Vec::new();
            let mut consumed = 0;
            for part in CHUNKED.chunks(size) {
                consumed += body.feed(part, |bytes| seen.extend_from_slice(bytes)).unwrap();
                if body.is_done() {
                    break;
                }
            }
            assert!(body.is_done(), "reads of {size}");
            assert_eq!(seen, b"hello wide world!");
            assert_eq!(&CHUNKED[consumed..], b"NEXT");
        }
    }

    #[test]
    fn a_body_without_its_end_is_not_done() {
        let end = CHUNKED.len() - b"\r\nNEXT".len();
        let mut body = Body::new(Framing::Chunked);
        body.feed(&CHUNKED[..end], |_| ()).unwrap();
        assert!(!body.is_done());
        let mut body = Body::new(Framing::Length(5));
        body.feed(b"hell", |_| ()).unwrap();
        assert!(!body.is_done());
        assert_eq!(body.feed(b"o HTTP/1.1", |_| ()).unwrap(), 1);
        assert!(body.is_done());
    }

    #[test]
    fn broken_chunks_are_refused() {
        for wrong in [&b"x\r\n"[..], b"\r\n", b"5\r\nhelloX\r\n", b"11111111111111111\r\n"] {
            assert!(Body::new(Framing::Chunked).feed(wrong, |_| ()).is_err(), "{wrong:?}");
        }
    }
}
