//! A whole request as it stands in one read of a socket, for a server that would otherwise build it up piece by piece.
//!
//! Only what nobody could read in two ways is taken: everything else is the server's own parser's, which answers for it.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Uri};
use memchr::memchr_iter;

use crate::request::is_inference;

/// A head with more lines is the parser's.
const LINES: usize = 64;

/// Lines that change what the message is, or what happens to its connection.
const SPECIAL: [&str; 8] = [
    "transfer-encoding",
    "connection",
    "expect",
    "upgrade",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
];

/// A body that is longer is not waited for: it is read as it comes.
const WAITED_FOR: usize = 256 * 1024;

/// What the bytes are.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(super) enum Reading {
    /// One POST and nothing else.
    Whole(Parts, Bytes),
    /// The same, but the end of its body has not come yet: clients send head and body apart.
    NotYet,
}

/// None where it is neither. `most` bounds the target and the header lines.
pub(super) fn read(message: &Bytes, most: usize) -> Option<Reading> {
    if !message.starts_with(b"POST /") {
        return None;
    }
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut request = httparse::Request::new(&mut lines);
    let Ok(httparse::Status::Complete(length)) = request.parse(message) else { return None };
    let (head, body) = (message.get(..length)?, message.slice(length..));
    let target = request.path?;
    let bytes: usize = target.len()
        + request.headers.iter().map(|line| line.name.len() + line.value.len() + 4).sum::<usize>();
    let is_plain = request.method == Some("POST")
        && request.version == Some(1)
        && bytes <= most
        && !target.contains('#')
        && memchr_iter(b'\n', head).all(|at| at > 0 && head.get(at - 1) == Some(&b'\r'));
    if !is_plain {
        return None;
    }
    let uri = Uri::from_maybe_shared(message.slice_ref(target.as_bytes())).ok()?;
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
    for line in request.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        let is_usual = name == "connection" && line.value.eq_ignore_ascii_case(b"keep-alive");
        if !is_usual && SPECIAL.contains(&name.as_str()) {
            return None;
        }
        let value = HeaderValue::from_maybe_shared(message.slice_ref(line.value)).ok()?;
        if name == CONTENT_LENGTH && headers.contains_key(CONTENT_LENGTH) {
            return None;
        }
        headers.append(name, value);
    }
    let length = headers.get(CONTENT_LENGTH)?.as_bytes();
    let is_number = (1..=19).contains(&length.len()) && length.iter().all(u8::is_ascii_digit);
    let length: usize = std::str::from_utf8(length).ok().filter(|_| is_number)?.parse().ok()?;
    if length < body.len() || !is_inference(uri.path()) {
        return None;
    }
    if length > body.len() {
        return (length <= WAITED_FOR).then_some(Reading::NotYet);
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some(Reading::Whole(request.into_parts().0, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<(Parts, Bytes)> {
        match read(&Bytes::copy_from_slice(text.as_bytes()), 200)? {
            Reading::Whole(head, body) => Some((head, body)),
            Reading::NotYet => None,
        }
    }

    fn is_waited_for(text: &str) -> bool {
        matches!(read(&Bytes::copy_from_slice(text.as_bytes()), 200), Some(Reading::NotYet))
    }

    #[test]
    fn a_body_that_has_not_come_yet_is_waited_for_unless_it_is_long() {
        let head =
            |length: usize| format!("POST /v1/embeddings HTTP/1.1\r\ncontent-length: {length}\r\n\r\n");
        assert!(is_waited_for(&head(2)));
        assert!(is_waited_for(&format!("{}{{", head(2))));
        assert!(is_waited_for(&head(WAITED_FOR)) && !is_waited_for(&head(WAITED_FOR + 1)));
        assert!(!is_waited_for(&head(2).replace("/v1/embeddings", "/api/v1/keys")));
        assert!(!is_waited_for("POST /v1/embeddings HTTP/1.1\r\ncontent-le"));
    }

    #[test]
    fn one_whole_request_is_taken() {
        let (head, body) = whole(
            "POST /v1/chat/completions?a=%20b HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nx-a:  2 \r\n\
             Connection: Keep-Alive\r\nContent-Length: 2\r\n\r\n{}",
        )
        .unwrap();
        assert_eq!(head.uri, "/v1/chat/completions?a=%20b");
        assert_eq!(head.headers["host"], "localhost");
        assert_eq!(head.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(body, "{}");
        assert!(whole("POST /v1/embeddings HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n").is_some());
    }

    #[test]
    fn what_is_special_incomplete_or_could_be_read_otherwise_is_left_to_the_parser() {
        let lines = |lines: &str| format!("POST /v1/embeddings HTTP/1.1\r\nhost: h\r\n{lines}\r\n\r\n{{}}");
        for text in [
            lines("content-length: 3"),
            lines("content-length: 1"),
            lines("content-length: +2"),
            lines("content-length: 2, 2"),
            lines("content-length: 2\r\ncontent-length: 2"),
            lines("x-a: b"),
            lines("content-length: 2\r\ntransfer-encoding: chunked"),
            lines("content-length: 2\r\nexpect: 100-continue"),
            lines("content-length: 2\r\nconnection: close"),
            lines("content-length: 2\r\nconnection: keep-alive, x-a"),
            lines("content-length: 2\r\nupgrade: h2c"),
            lines("content-length: 2\r\nx-a: b\n x-b: c"),
            lines("content-length: 2\r\nx-a: b\r\n folded"),
            lines("content-length: 2\r\nx-a: b\nx-b: c"),
            lines("content-length : 2"),
            lines(&format!("content-length: 2\r\nx-a: {}", "b".repeat(200))),
            lines("content-length: 2").replace("1.1", "1.0"),
            lines("content-length: 2").replace("POST", "PUT"),
            lines("content-length: 2").replace("/v1", "http://h/v1"),
            lines("content-length: 2").replace("dings", "dings#y"),
            format!("\r\n{}", lines("content-length: 2")),
            "POST /v1/x HTTP/1.1\r\nhost: h\r\ncontent-le".to_owned(),
            format!("{0}{0}", lines("content-length: 2")),
        ] {
            assert!(whole(&text).is_none(), "{text:?}");
        }
        assert!(whole(&lines("content-length: 2")).is_some());
    }
}
