//! What a stream holds on its engine thread, counted by the allocator: memory that nobody needs is easily brought back.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic; the helpers here are part of the test"
)]
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ferrogate_mock::MockServer;
use ferrogate_net::{Engine, Options};
use serde_json::json;

const STREAMS: usize = 40;
/// Bytes; four buffers of 8 kB are hyper's, and as much is its queue of requests. Some 51,000 were measured.
const OPEN: usize = 55_000;
/// Bytes; one of the buffers waits for the client. Some 54,000 were measured.
const STALLED: usize = 60_000;

/// The system's allocator, which counts what engine threads hold.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this is an engine thread, once that is known.
    static COUNTS: Cell<Option<bool>> = const { Cell::new(None) };
}

#[expect(unsafe_code, reason = "the kernel tells the name of a thread without allocating")]
fn counts() -> bool {
    COUNTS.get().unwrap_or_else(|| {
        let mut name = [0u8; 16];
        // SAFETY: the kernel writes at most 16 bytes.
        unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
        let counts = name.starts_with(b"fg-engine");
        if counts {
            COUNTS.set(Some(true));
        }
        counts
    })
}

#[expect(unsafe_code, reason = "an allocator is")]
// SAFETY: everything is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if counts() {
            HELD.fetch_add(layout.size(), Relaxed);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if counts() {
            HELD.fetch_sub(layout.size(), Relaxed);
        }
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn snapshot(port: u16) -> String {
    let timeouts = json!({"connect_ms": 5000, "headers_ms": 20000, "idle_ms": 20000, "json_ms": 20000, "deadline_ms": 20000});
    json!({
        "version": 1, "auth": {"required": false, "gateway_keys": [], "allowed_hosts": [], "allowed_origins": []},
        "limits": {
            "client_headers_ms": 10000, "client_headers_bytes": 65536, "client_body_idle_ms": 10000,
            "client_keepalive_ms": 75000, "client_stall_ms": 60000, "json_body_bytes": 1_000_000,
            "buffered_bytes": 10_000_000, "stream_body_bytes": 1_000_000, "answer_bytes": 1_048_576, "max_connections": 100
        },
        "expose_headers": true, "aliases": [],
        "providers": [{
            "name": "p", "kind": "mock", "dialect": "openai", "base_url": format!("http://127.0.0.1:{port}/v1"),
            "auth": {"header": "authorization", "prefix": "Bearer "}, "templates": {"*": "/{path}"}, "query": "",
            "headers": {}, "forward_headers": ["x-mock-"], "timeouts": timeouts, "http2": "auto", "keyless": false,
            "configured": true, "key_hint": "add one",
            "keys": [{"id": "k", "name": "main", "value": "sk-secret", "weight": 1.0, "models": ["*"], "enabled": true}],
        }],
    })
    .to_string()
}

fn open(address: SocketAddr, script: &str) -> TcpStream {
    let body = r#"{"model":"p/gpt-4o","stream":true,"messages":[{"role":"user","content":"go"}]}"#;
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{script}\r\n{body}",
    )
    .unwrap();
    socket
}

/// What each of many streams holds, once `settled` has been done with their clients.
fn held(address: SocketAddr, script: &str, settled: impl Fn(&mut [TcpStream])) -> usize {
    let before = HELD.load(Relaxed);
    let mut clients: Vec<TcpStream> = (0..STREAMS).map(|_| open(address, script)).collect();
    settled(&mut clients);
    (HELD.load(Relaxed) - before) / STREAMS
}

/// Waits until engine threads hold the same for a while.
fn rest(_: &mut [TcpStream]) {
    let until = Instant::now() + Duration::from_secs(20);
    let mut last = 0;
    while HELD.load(Relaxed) != last && Instant::now() < until {
        last = HELD.load(Relaxed);
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_stream_holds_little_and_one_that_nobody_reads_little_more() {
    let upstream = MockServer::start(serde_json::from_value(json!({"port": 0})).unwrap()).unwrap();
    let options = serde_json::from_value::<Options>(json!({"workers": 1, "journal": null})).unwrap();
    let engine = Engine::new(snapshot(upstream.port()).as_bytes(), options).unwrap();
    let address = engine.listen("127.0.0.1", 0, None, None).unwrap();
    let mut answer = Vec::new();
    open(address, "x-mock-chunks: 5\r\n").read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(b"data: [DONE]\n\n\r\n0\r\n\r\n"), "{}", String::from_utf8_lossy(&answer));

    let paced = "x-mock-chunks: 100000\r\nx-mock-chunk-ms: 20\r\nx-mock-chunk-bytes: 250\r\n";
    let each = held(address, paced, |clients| {
        let mut start = vec![0; 4_000];
        for client in clients {
            client.read_exact(&mut start).unwrap();
        }
    });
    assert!(each < OPEN, "an open stream holds {each} bytes");

    let stalled = held(address, "x-mock-chunks: 100000\r\nx-mock-chunk-bytes: 250\r\n", rest);
    assert!(stalled < STALLED, "a stream that nobody reads holds {stalled} bytes");
    engine.stop();
}
