//! The engine over real sockets, without Python: what leaves the socket, byte for byte, and what the journal says.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic; the helpers here are part of the tests"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ferrogate_mock::MockServer;
use ferrogate_net::journal::Record;
use ferrogate_net::{Engine, Options, Submission};
use serde_json::{Value, json};

struct Gateway {
    engine: Engine,
    address: SocketAddr,
    folder: PathBuf,
}

impl Gateway {
    fn start(name: &str, upstreams: &[u16]) -> Self {
        let folder = std::env::temp_dir().join(format!("ferrogate-net-{}-{name}", std::process::id()));
        let options = json!({"workers": 1, "journal": folder});
        let engine = Engine::new(
            snapshot(upstreams).to_string().as_bytes(),
            serde_json::from_value::<Options>(options).unwrap(),
        )
        .unwrap();
        let address = engine.listen("127.0.0.1", 0, None, None).unwrap();
        Self { engine, address, folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends one chat request and reads until the gateway closes.
    fn chat(&self, headers: &str, stream: bool) -> String {
        let body = format!(
            r#"{{"model":"chat","stream":{stream},"messages":[{{"role":"user","content":"a b c d e"}}]}}"#
        );
        let mut socket = self.connect();
        write!(
            socket,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Waits for `count` rows.
    fn rows(&self, count: usize) -> Vec<Record> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let batch = self.engine.journal_read(0, 0, 100).unwrap().unwrap();
            if batch.rows.len() >= count {
                return batch.rows;
            }
            assert!(Instant::now() < until, "only {} of {count} rows came", batch.rows.len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.engine.stop();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// One provider an upstream, and an alias that tries them in order.
fn snapshot(upstreams: &[u16]) -> Value {
    let timeouts = json!({"connect_ms": 5000, "headers_ms": 20000, "idle_ms": 20000, "json_ms": 20000, "deadline_ms": 20000});
    let provider = |(index, port): (usize, &u16)| {
        json!({
            "name": format!("p{index}"), "kind": "mock", "dialect": "openai",
            "base_url": format!("http://127.0.0.1:{port}/v1"),
            "auth": {"header": "authorization", "prefix": "Bearer "}, "templates": {"*": "/{path}"}, "query": "",
            "headers": {}, "forward_headers": ["x-mock-"], "timeouts": timeouts, "http2": "auto", "keyless": false,
            "configured": true, "key_hint": "add one",
            "keys": [{"id": format!("k{index}"), "name": "main", "value": "sk-secret", "weight": 1.0, "models": ["*"], "enabled": true}],
        })
    };
    let providers: Vec<Value> = upstreams.iter().enumerate().map(provider).collect();
    let targets: Vec<Value> = (0..upstreams.len())
        .map(|index| json!({"provider": format!("p{index}"), "model": "gpt-4o-mini", "weight": null}))
        .collect();
    json!({
        "version": 1, "auth": {"required": false, "gateway_keys": [], "allowed_hosts": [], "allowed_origins": []},
        "limits": {
            "client_headers_ms": 10000, "client_headers_bytes": 65536, "client_body_idle_ms": 10000,
            "client_keepalive_ms": 75000, "client_stall_ms": 60000, "json_body_bytes": 1_000_000,
            "buffered_bytes": 10_000_000, "stream_body_bytes": 1_000_000, "answer_bytes": 1_048_576, "max_connections": 100
        },
        "expose_headers": true, "providers": providers, "aliases": [{"name": "chat", "targets": targets}],
    })
}

fn mock() -> MockServer {
    MockServer::start(serde_json::from_value(json!({"port": 0})).unwrap()).unwrap()
}

/// A port that refuses connections.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn an_answer_and_its_record() {
    let upstream = mock();
    let gateway = Gateway::start("answer", &[upstream.port()]);
    let answer = gateway.chat("x-request-id: mine\r\nx-gateway-tags: team=a\r\n", false);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let row = gateway.rows(1).remove(0);
    assert_eq!((row.status, &*row.outcome, &*row.provider, &*row.key_name), (200, "ok", "p0", "main"));
    assert!(row.output_tokens.is_some() && row.finish_reason.as_deref() == Some("stop"));
    assert_eq!(
        (row.client_request_id.as_deref(), row.tags.as_deref()),
        (Some("mine"), Some(r#"{"team":"a"}"#))
    );
    assert!(answer.contains(&*row.request_id), "the header names the record");
}

#[test]
fn a_whole_stream_ends_as_it_came() {
    let upstream = mock();
    let gateway = Gateway::start("stream", &[upstream.port()]);
    let answer = gateway.chat("x-mock-chunks: 5\r\n", true);
    assert!(answer.contains("data: [DONE]\n\n") && answer.ends_with("0\r\n\r\n"), "{answer}");
    assert_eq!(&*gateway.rows(1)[0].outcome, "ok");
}

#[test]
fn a_cut_stream_is_told_and_ends_abnormally() {
    let upstream = mock();
    let gateway = Gateway::start("cut", &[upstream.port()]);
    let answer = gateway.chat("x-mock-chunks: 20\r\nx-mock-chunk-ms: 1\r\nx-mock-cut-after: 5\r\n", true);
    assert!(answer.contains(r#"data: {"error":{"#) && answer.contains("upstream_cut"), "{answer}");
    assert!(!answer.contains("[DONE]") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    let row = gateway.rows(1).remove(0);
    assert_eq!((&*row.outcome, row.error.as_deref()), ("cut", Some("upstream_cut")));
}

#[test]
fn the_next_lane_is_tried_before_the_commit_and_never_after() {
    let upstream = mock();
    let gateway = Gateway::start("failover", &[closed_port(), upstream.port()]);
    let answer = gateway.chat("", true);
    assert!(answer.contains("x-gateway-attempts: 2") && answer.contains("data: [DONE]"), "{answer}");
    let row = gateway.rows(1).remove(0);
    assert_eq!((&*row.outcome, row.attempts, &*row.provider), ("ok", 2, "p1"));
    assert!(row.attempts_json.as_deref().unwrap().contains("upstream_connect"));
}

#[test]
fn with_no_lane_left_the_last_answer_comes_through() {
    let (first, second) = (mock(), mock());
    let gateway = Gateway::start("last", &[first.port(), second.port()]);
    let answer = gateway.chat("x-mock-status: 429\r\nx-mock-retry-after: 7\r\n", false);
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("retry-after: 7") && answer.contains("x-should-retry: false"), "{answer}");
    assert_eq!(gateway.rows(1)[0].attempts, 2);
}

#[test]
fn a_client_that_leaves_is_no_failure_of_the_lane() {
    let upstream = mock();
    let gateway = Gateway::start("leave", &[upstream.port()]);
    let body = r#"{"model":"chat","stream":true,"messages":[]}"#;
    let mut socket = gateway.connect();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-mock-chunks: 1000\r\nx-mock-chunk-ms: 10\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut some = [0; 64];
    socket.read_exact(&mut some).unwrap();
    drop(socket);
    let row = gateway.rows(1).remove(0);
    assert_eq!((&*row.outcome, row.error.as_deref()), ("cancelled", Some("client_closed")));
    let lanes = serde_json::to_value(gateway.engine.lanes()).unwrap();
    assert_eq!(
        (&lanes[0]["cancelled"], &lanes[0]["failures"], &lanes[0]["in_flight"]),
        (&json!(1), &json!(0), &json!(0))
    );
}

#[test]
fn draining_lets_a_stream_finish_and_takes_nothing_new() {
    let upstream = mock();
    let gateway = Gateway::start("drain", &[upstream.port()]);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| gateway.chat("x-mock-chunks: 20\r\nx-mock-chunk-ms: 20\r\n", true));
        while serde_json::to_value(gateway.engine.lanes()).unwrap()[0]["in_flight"] != 1 {
            std::thread::yield_now();
        }
        assert!(gateway.engine.drain(Duration::from_secs(20)));
        assert!(running.join().unwrap().ends_with("0\r\n\r\n"));
        assert!(TcpStream::connect(gateway.address).is_err());
    });
}

/// Whether the engine thread had begun or not: a request that was asked for is in the log.
#[test]
fn a_request_of_the_asgi_door_that_is_cancelled_at_once_has_a_record() {
    let upstream = mock();
    let gateway = Gateway::start("cancelled", &[upstream.port()]);
    let inbox = gateway.engine.inbox(false).unwrap();
    for index in 0..50 {
        let id = format!("early-{index}");
        let body = bytes::Bytes::from_static(b"{\"model\":");
        let ticket = inbox
            .submit(Submission {
                method: "POST",
                path: b"/v1/chat/completions",
                query: b"",
                headers: vec![(b"host", b"localhost"), (b"x-request-id", id.as_bytes())],
                body: if index % 2 == 0 { bytes::Bytes::new() } else { body },
                more: true,
                encoded: false,
            })
            .unwrap();
        inbox.cancel(ticket);
    }
    let rows = gateway.rows(50);
    for row in &rows {
        assert_eq!((row.status, &*row.outcome, row.attempts), (499, "cancelled", 0), "{row:?}");
        assert_eq!(&*row.path, "/v1/chat/completions");
    }
}
