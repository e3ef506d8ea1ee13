//! HTTP over sockets: a client that sends anything, and a provider that answers anything.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferrogate_core::Kind;
use ferrogate_core::dialects::openai::StreamReader;
use ferrogate_core::json::validate;
use ferrogate_core::sse::{Found, Splitter};
use serde_json::Value;

use crate::lab::{Lab, check_upstream};
use crate::wire::{self, Message};

/// What frames a message, and what should not.
pub(crate) const WORDS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\n\n",
    "0\r\n\r\n",
    "Content-Length: 5\r\n",
    "content-length: 0\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding:\u{b}chunked\r\n",
    " chunked",
    "Connection: close\r\n",
    "Connection: content-length\r\n",
    "Connection: upgrade\r\nUpgrade: h2c\r\n",
    "Expect: 100-continue\r\n",
    "Host: b\r\n",
    "X-Gateway-Key: main\r\n",
    "Authorization: Bearer sk-client\r\n",
    "Content-Type: text/event-stream\r\n",
    "Content-Encoding: br\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0",
    "HTTP/2.0",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /v1/files HTTP/1.1\r\nHost: a\r\n\r\n",
    "ffffffffffffffff\r\n",
    "5;a=\"b\"\r\n",
    "-1\r\n",
    "\u{0}",
    "\u{e9}",
    "%2e%2e/",
    "data: {}\n\n",
    "data: [DONE]\n\n",
    "/healthz",
    "/api/v1/keys",
];

const ANSWER: &[u8] = include_bytes!("../corpus/answer/json.http");
const CHAT: &str = r#"{"model":"chat","messages":[]}"#;

/// Whatever a client sends: only whole, rightful requests reach the provider, only HTTP comes back, and the next
/// client is served.
pub(crate) fn request(data: &[u8]) {
    static LAB: LazyLock<Lab> = LazyLock::new(|| Lab::start("request"));
    let lab = &*LAB;
    lab.answers(ANSWER);
    let pause = (!data.len().is_multiple_of(4)).then_some(Duration::from_millis(15));
    let back = lab.exchange(data, pause);
    lab.settle();
    let mut rest = back.as_slice();
    // A client that leaves in the midst of its request leaves in the midst of an answer, too.
    while let Some((answer, used)) = wire::message(rest, true) {
        check_answer(&answer, ANSWER);
        rest = &rest[used..];
    }
    let answer = chat(lab, "x-request-id: the next client\r\n");
    assert_eq!((answer.status(), answer.whole), (200, true), "the next client");
    // Connections are accepted in order: behind this one, all that this client led to has arrived.
    lab.settle();
    let received = lab.received();
    received.iter().for_each(check_upstream);
    let is_next = |request: &&Message| request.header("x-request-id") == Some("the next client");
    let next = received.iter().filter(is_next).count();
    assert_eq!(next, 1, "requests of the next client");
    let heads = data.windows(2).filter(|pair| pair == b"\n\n" || pair == b"\n\r").count();
    let made = received.len() - next;
    assert!(made <= heads, "{made} requests were made of {heads} heads");
}

/// Whatever a provider answers: the client gets one answer, in order and true, and the log says the same.
pub(crate) fn answer(data: &[u8]) {
    static LAB: LazyLock<Lab> = LazyLock::new(|| Lab::start("answer"));
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let lab = &*LAB;
    lab.answers(data);
    let id = format!("fuzz-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let answer = chat(lab, &format!("x-request-id: {id}\r\n"));
    check_answer(&answer, data);
    lab.settle();
    lab.received().iter().for_each(check_upstream);
    let rows = lab.rows(&id);
    assert_eq!(rows.len(), 1, "one request is one row");
    let row = &rows[0];
    assert_eq!(row.status, answer.status(), "the row's status");
    assert_eq!(&*row.outcome == "cut", !answer.whole, "the row's outcome is {}", row.outcome);
    assert!(answer.header("set-cookie").is_none());
    assert!(answer.headers.iter().filter(|(name, _)| name == "x-gateway-key").count() <= 1);
    if answer.status() == 200 && answer.header("content-encoding").is_none_or(|coding| coding == "identity") {
        check_success(&answer, &row.outcome);
    }
}

fn chat(lab: &Lab, headers: &str) -> Message {
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let request = format!("{head}{headers}content-length: {}\r\n\r\n{CHAT}", CHAT.len());
    let back = lab.exchange(request.as_bytes(), Some(Duration::from_secs(20)));
    let Some((answer, used)) = wire::message(&back, true) else {
        panic!("no answer: {}", back.escape_ascii());
    };
    assert_eq!(used, back.len(), "something follows the answer");
    answer
}

/// An error that the gateway makes has a stable code, and the status that belongs to it: that of the code, or the
/// provider's own where its text cannot be shown.
fn check_answer(answer: &Message, provider: &[u8]) {
    let status = answer.status();
    let Some(code) = code(answer).filter(|_| status >= 400) else { return };
    let Some(kind) = Kind::ALL.iter().find(|kind| kind.id() == code) else { return };
    if matches!(kind, Kind::UpstreamStatus | Kind::UpstreamRejected) {
        assert_eq!(*kind == Kind::UpstreamStatus, status == 429 || status >= 500, "{code} with {status}");
        let digits = status.to_string();
        assert!(provider.windows(3).any(|part| part == digits.as_bytes()), "{status} is not the provider's");
    } else {
        assert_eq!(kind.status(), status, "{code}");
    }
}

fn code(answer: &Message) -> Option<String> {
    let document: Value = serde_json::from_slice(&answer.body).ok()?;
    document["error"]["code"].as_str().map(str::to_owned)
}

/// A 200 is whole JSON, or a stream that says of itself how it ended.
fn check_success(answer: &Message, outcome: &str) {
    let is_stream = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    if !is_stream {
        assert!(validate(&answer.body).is_ok(), "a 200 of broken JSON");
        return;
    }
    let (mut splitter, mut reader) = (Splitter::default(), StreamReader::default());
    let mut see = |event: Found<'_>| {
        reader.found(event);
    };
    splitter.push(answer.body.clone().into(), &mut see, |_| {});
    splitter.finish(&mut see);
    if answer.whole {
        assert!(reader.is_complete() || reader.failed, "a stream without an end was shown as whole");
        assert_eq!(outcome == "ok", reader.is_complete(), "outcome {outcome}");
    } else {
        assert!(!answer.body.ends_with(b"data: [DONE]\n\n"), "a cut stream ends with the terminator");
        assert!(splitter.is_flowing() || reader.failed, "a cut without an error event");
    }
}
