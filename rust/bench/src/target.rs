//! Where to connect, and the one request that is sent again and again, made once as bytes.

use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};

use crate::{Error, Options};

/// A resolved address and the whole request.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
    pub(crate) url: String,
    pub(crate) body_bytes: usize,
}

impl Target {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let (authority, base) = split(&options.target)?;
        let named =
            if port_of(authority).is_some() { authority.to_owned() } else { format!("{authority}:80") };
        let address = named
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next())
            .ok_or_else(|| Error::Unreachable(format!("{authority} has no address")))?;
        let path = format!("{}/{}", base.trim_end_matches('/'), options.path.trim_start_matches('/'));
        if path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(Error::Options("path must not hold spaces or control characters".into()));
        }
        let body = match &options.body {
            Some(given) => given.clone(),
            None => conversation(&options.model, options.stream, options.body_bytes, options.messages),
        };
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: ferrogate-bench\r\naccept: */*\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in &options.headers {
            check_header(name, value)?;
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body.as_bytes());
        Ok(Self { address, request, url: format!("http://{authority}{path}"), body_bytes: body.len() })
    }
}

fn split(target: &str) -> Result<(&str, &str), Error> {
    let Some(rest) = target.strip_prefix("http://") else {
        return Err(Error::Options(format!("target must start with http:// (plain HTTP), not {target:?}")));
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.is_empty() || authority.contains('@') || !(path.is_empty() || path.starts_with('/')) {
        return Err(Error::Options(format!("target must be http://host:port, not {target:?}")));
    }
    Ok((authority, path))
}

fn port_of(authority: &str) -> Option<u16> {
    let after_bracket = authority.rfind(']').map_or(authority, |at| &authority[at..]);
    after_bracket.rsplit_once(':')?.1.parse().ok()
}

fn check_header(name: &str, value: &str) -> Result<(), Error> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) || value.bytes().any(|byte| byte < b' ' && byte != b'\t') {
        return Err(Error::Options(format!("header {name:?} is not a valid HTTP header")));
    }
    let own = ["host", "content-length", "transfer-encoding", "connection", "expect"];
    if own.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
        return Err(Error::Options(format!("header {name:?} is set by the generator")));
    }
    Ok(())
}

/// Text of a turn: prose with the escapes that real conversations hold, so that a scanner is not flattered.
const PROSE: &str = r#"The user asks \"which of these is slower?\" and pastes a trace.\nFirst line: a request came in, was parsed, and waited. "#;
const TURN: usize = 480;

/// A chat request of exactly `size` bytes where the frame leaves room for that, else the smallest one. `messages` 0:
/// turns of [`TURN`] bytes, and a last one with what is left over.
fn conversation(model: &str, stream: bool, size: usize, messages: usize) -> String {
    let model = serde_json::Value::from(model);
    let mut head = format!("{{\"model\":{model},\"messages\":[");
    let tail = if stream { "],\"stream\":true}" } else { "]}" };
    let frame = |role: &str| format!("{{\"role\":\"{role}\",\"content\":\"");
    let last = frame("user");
    let fixed = tail.len() + last.len() + 2;
    // A turn before the last one takes its frame, its text, `"}` and a comma.
    let around = frame("assistant").len() + 3;
    let turn = match messages {
        0 => TURN,
        count => (size.saturating_sub(head.len() + tail.len()) / count).saturating_sub(around),
    };
    let more = |count: usize, length: usize| match messages {
        0 => length + fixed + around + TURN <= size,
        wanted => count + 1 < wanted,
    };
    let mut count = 0;
    while more(count, head.len()) {
        head.push_str(&frame(if count % 2 == 0 { "user" } else { "assistant" }));
        push_text(&mut head, turn);
        head.push_str("\"},");
        count += 1;
    }
    head.push_str(&last);
    let room = size.saturating_sub(head.len() + tail.len() + 2);
    push_text(&mut head, room);
    head.push_str("\"}");
    head.push_str(tail);
    head
}

/// Append exactly `length` bytes of JSON string text; an escape is never cut in two.
fn push_text(into: &mut String, length: usize) {
    let whole = length / PROSE.len();
    for _ in 0..whole {
        into.push_str(PROSE);
    }
    let rest = length % PROSE.len();
    let cut = &PROSE[..rest];
    if cut.ends_with('\\') {
        into.push_str(&cut[..rest - 1]);
        into.push('.');
    } else {
        into.push_str(cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_size_asked_for_and_is_json() {
        for stream in [false, true] {
            for size in (120..3000).chain([65_536]) {
                let body = conversation("mock/echo", stream, size, 0);
                assert_eq!(body.len(), size);
                let tree: serde_json::Value = serde_json::from_str(&body).unwrap();
                assert_eq!(tree["model"], "mock/echo");
                assert_eq!(tree["stream"].as_bool().unwrap_or(false), stream);
                assert_eq!(tree["messages"].as_array().unwrap().last().unwrap()["role"], "user");
            }
        }
        assert!(serde_json::from_str::<serde_json::Value>(&conversation("m", true, 0, 0)).is_ok());
    }

    #[test]
    fn a_body_has_as_many_messages_as_asked_for() {
        for (size, messages) in [(1_000_000, 1), (1_000_000, 20_000), (2_000, 2), (2_000, 7)] {
            let body = conversation("mock/echo", false, size, messages);
            assert_eq!(body.len(), size, "{messages} messages");
            let tree: serde_json::Value = serde_json::from_str(&body).unwrap();
            let turns = tree["messages"].as_array().unwrap();
            assert_eq!(turns.len(), messages);
            assert!(turns.iter().all(|turn| !turn["content"].as_str().unwrap().is_empty()));
        }
    }

    #[test]
    fn the_request_is_one_whole_message() {
        let options = Options {
            target: "http://127.0.0.1:9/base/".into(),
            path: "/v1/x?y=1".into(),
            body: Some("{}".into()),
            headers: [("authorization".into(), "Bearer k".into())].into(),
            ..Options::default()
        };
        let target = Target::new(&options).unwrap();
        let text = String::from_utf8(target.request).unwrap();
        assert!(text.starts_with("POST /base/v1/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:9\r\n"), "{text}");
        assert!(text.contains("\r\nauthorization: Bearer k\r\n"));
        assert!(text.ends_with("content-length: 2\r\nauthorization: Bearer k\r\n\r\n{}"), "{text}");
        assert_eq!(target.url, "http://127.0.0.1:9/base/v1/x?y=1");
    }

    #[test]
    fn wrong_targets_and_headers_are_refused_with_a_reason() {
        let with = |target: &str| Target::new(&Options { target: target.into(), ..Options::default() });
        assert!(with("https://127.0.0.1").unwrap_err().to_string().contains("plain HTTP"));
        assert!(with("http://").is_err());
        assert!(with("http://a@b").is_err());
        assert_eq!(with("http://[::1]").unwrap().address.to_string(), "[::1]:80");
        assert_eq!(with("http://[::1]:81").unwrap().address.to_string(), "[::1]:81");
        for (name, value) in [("a b", "c"), ("a", "b\r\nc: d"), ("Content-Length", "1")] {
            let options = Options {
                target: "http://127.0.0.1:9".into(),
                headers: [(name.to_owned(), value.to_owned())].into(),
                ..Options::default()
            };
            assert!(Target::new(&options).is_err(), "{name}");
        }
    }
}
