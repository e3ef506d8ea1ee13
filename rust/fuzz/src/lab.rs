//! A gateway with one provider, over real sockets in this process.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferrogate_net::journal::Record;
use ferrogate_net::{Engine, Options};
use serde_json::{Value, json};

use crate::wire::{self, Message};

/// Longer than anything may take here.
const PATIENCE: Duration = Duration::from_secs(20);
/// What goes up instead of the client's.
const CREDENTIAL: &str = "Bearer sk-provider";

#[derive(Default)]
struct State {
    answer: Vec<u8>,
    /// Connections that are open.
    open: usize,
    requests: Vec<Message>,
    /// What the gateway wrote that is not HTTP.
    broken: Option<String>,
}

/// The gateway, and the provider that it sends to.
pub(crate) struct Lab {
    engine: Engine,
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    position: Mutex<(u64, u64)>,
}

impl Lab {
    pub(crate) fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                lock(&shared).open += 1;
                std::thread::spawn(move || {
                    serve(stream, &shared);
                    lock(&shared).open -= 1;
                });
            }
        });
        let folder = std::env::temp_dir().join(format!("ferrogate-fuzz-{}-{name}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let options: Options = serde_json::from_value(json!({"workers": 1, "journal": folder})).unwrap();
        let engine = Engine::new(snapshot(port).to_string().as_bytes(), options).unwrap();
        let address = engine.listen("127.0.0.1", 0, None, None).unwrap();
        Self { engine, address, state, position: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What the provider answers from now on; what it got until now is forgotten.
    pub(crate) fn answers(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.answer = bytes.to_vec();
        state.requests.clear();
        state.broken = None;
    }

    /// What the provider got.
    pub(crate) fn received(&self) -> Vec<Message> {
        let mut state = self.state();
        assert_eq!(state.broken, None, "the gateway wrote no HTTP");
        std::mem::take(&mut state.requests)
    }

    /// Sends bytes, then the end; with `pause` only after the gateway has been silent for that long. Returns all that
    /// came back.
    pub(crate) fn exchange(&self, bytes: &[u8], pause: Option<Duration>) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        // The gateway may refuse what came first and leave before the rest is written.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        if let Some(pause) = pause {
            stream.set_read_timeout(Some(pause)).unwrap();
            let _ = stream.read_to_end(&mut answer);
        }
        let _ = stream.shutdown(Shutdown::Write);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("the gateway does not end the connection")
            }
            _ => answer,
        }
    }

    /// Waits until no request runs any more, and the provider has seen the end of every connection.
    pub(crate) fn settle(&self) {
        until("an idle gateway", || {
            let status = serde_json::to_value(self.engine.status()).unwrap();
            let idle = status["in_flight"] == 0 && status["buffered_bytes"] == 0;
            (idle && self.state().open == 0).then_some(())
        });
        let lanes = serde_json::to_value(self.engine.lanes()).unwrap();
        let busy = lanes.as_array().unwrap().iter().find(|lane| lane["in_flight"] != 0);
        assert!(busy.is_none(), "a lane stays busy: {busy:?}");
    }

    /// The rows since the last call, up to the first one of this request.
    pub(crate) fn rows(&self, client_request_id: &str) -> Vec<Record> {
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        until("a row", || {
            let batch = self.engine.journal_read(position.0, position.1, 1000).unwrap().unwrap();
            assert!(batch.skipped.is_empty());
            *position = (batch.segment, batch.offset);
            let is_its = |row: &Record| row.client_request_id.as_deref() == Some(client_request_id);
            batch.rows.iter().any(is_its).then(|| batch.rows.into_iter().filter(is_its).collect())
        })
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Answers one request after the other, and leaves.
fn serve(mut stream: TcpStream, shared: &Mutex<State>) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 8192]);
    loop {
        let Ok(length) = stream.read(&mut piece) else { return };
        if length == 0 {
            return;
        }
        bytes.extend_from_slice(&piece[..length]);
        let read = std::panic::catch_unwind(|| wire::message(&bytes, false));
        let mut state = lock(shared);
        match read {
            Err(_) => {
                state.broken = Some(bytes.escape_ascii().to_string());
                return;
            }
            Ok(Some((message, used))) if message.whole => {
                assert_eq!(used, bytes.len(), "nothing follows a request before its answer");
                state.requests.push(message);
                let answer = state.answer.clone();
                drop(state);
                let _ = stream.write_all(&answer);
                return;
            }
            Ok(_) => {}
        }
    }
}

/// A request as the provider may get it.
pub(crate) fn check_upstream(request: &Message) {
    let credentials = request.headers.iter().filter(|(name, _)| name == "authorization");
    assert_eq!(credentials.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), [CREDENTIAL]);
    assert!(request.header("host").is_some_and(|host| host.starts_with("127.0.0.1:")));
    assert!(request.first.contains(" /v1/") && request.first.ends_with(" HTTP/1.1"), "{}", request.first);
    for (name, _) in &request.headers {
        assert!(
            !matches!(
                name.as_str(),
                "cookie" | "x-api-key" | "api-key" | "te" | "upgrade" | "forwarded" | "proxy-authorization"
            ),
            "{name}"
        );
        assert!(!name.starts_with("x-gateway-") && !name.starts_with("x-forwarded-"), "{name}");
    }
}

fn snapshot(port: u16) -> Value {
    let long = 20_000;
    json!({
        "version": 1, "auth": {"required": false, "gateway_keys": [], "allowed_hosts": ["*"], "allowed_origins": []},
        "limits": {
            "client_headers_ms": long, "client_headers_bytes": 65536, "client_body_idle_ms": long,
            "client_keepalive_ms": long, "client_stall_ms": long, "json_body_bytes": 1_000_000,
            "buffered_bytes": 10_000_000, "stream_body_bytes": 1_000_000, "answer_bytes": 1_048_576, "max_connections": 100
        },
        "expose_headers": true,
        "providers": [{
            "name": "openai", "kind": "openai", "dialect": "openai", "base_url": format!("http://127.0.0.1:{port}/v1"),
            "auth": {"header": "authorization", "prefix": "Bearer "}, "templates": {"*": "/{path}"}, "query": "",
            "headers": {}, "forward_headers": [], "http2": "auto", "keyless": false, "configured": true, "key_hint": "",
            "timeouts": {"connect_ms": long, "headers_ms": long, "idle_ms": long, "json_ms": long, "deadline_ms": long},
            "keys": [{"id": "k", "name": "main", "value": "sk-provider", "weight": 1.0, "models": ["*"], "enabled": true}],
        }],
        "aliases": [{"name": "chat", "targets": [{"provider": "openai", "model": "gpt-4o-mini", "weight": null}]}],
    })
}
