//! HTTP/1.1 read strictly: a gateway must write better than it may have to read.

/// A head and what its body was.
#[derive(Debug)]
pub(crate) struct Message {
    /// The request or status line.
    pub(crate) first: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Without its framing.
    pub(crate) body: Vec<u8>,
    /// Whether the framing said that this is all of it.
    pub(crate) whole: bool,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        status(&self.first)
    }
}

fn status(line: &str) -> u16 {
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
    status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status line: {line}"))
}

/// One message from the start of `bytes` and how long it is; None while its head is unfinished.
pub(crate) fn message(bytes: &[u8], is_answer: bool) -> Option<(Message, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    // Bytes beyond ASCII may stand in a value, and mean nothing.
    let text: String = bytes[..end].iter().map(|&byte| char::from(byte)).collect();
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines.map(header).collect();
    let body = &bytes[end + 4..];
    let all = |name: &str| headers.iter().filter(|(other, _)| other == name).collect::<Vec<_>>();
    let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
    assert!(lengths.len() + codings.len() <= 1, "framed twice: {text}");
    let empty = is_answer && matches!(status(&first), 100..200 | 204 | 304);
    let (body, used, whole) = if empty {
        (Vec::new(), 0, true)
    } else if let Some((_, coding)) = codings.first() {
        assert_eq!(coding.to_ascii_lowercase(), "chunked");
        chunked(body)
    } else if let Some((_, length)) = lengths.first() {
        let length: usize = length.parse().unwrap_or_else(|_| panic!("a length of {length}"));
        let used = length.min(body.len());
        (body[..used].to_vec(), used, used == length)
    } else if is_answer {
        (body.to_vec(), body.len(), true)
    } else {
        (Vec::new(), 0, true)
    };
    Some((Message { first, headers, body, whole }, end + 4 + used))
}

fn header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    assert!(!name.is_empty() && name.bytes().all(is_token), "no header name: {line:?}");
    assert!(
        !value.chars().any(|char| char.is_ascii_control() && char != '\t'),
        "a control character: {line:?}"
    );
    (name.to_ascii_lowercase(), value.trim().to_owned())
}

/// The content, how many bytes it took, and whether the last chunk came.
fn chunked(bytes: &[u8]) -> (Vec<u8>, usize, bool) {
    let (mut content, mut at) = (Vec::new(), 0);
    loop {
        let Some(length) = bytes[at..].windows(2).position(|window| window == b"\r\n") else {
            return (content, bytes.len(), false);
        };
        let line = std::str::from_utf8(&bytes[at..at + length]).unwrap_or("?");
        let size = usize::from_str_radix(line, 16).unwrap_or_else(|_| panic!("a chunk of {line:?} bytes"));
        at += length + 2;
        if size == 0 {
            let end = bytes[at..].windows(2).position(|window| window == b"\r\n");
            assert!(end.is_none_or(|end| end == 0), "trailers are not relayed");
            return (content, end.map_or(bytes.len(), |_| at + 2), end.is_some());
        }
        let end = (at + size).min(bytes.len());
        content.extend_from_slice(&bytes[at..end]);
        if bytes.len() < at + size + 2 {
            return (content, bytes.len(), false);
        }
        assert_eq!(&bytes[end..end + 2], b"\r\n", "the end of a chunk");
        at = end + 2;
    }
}
