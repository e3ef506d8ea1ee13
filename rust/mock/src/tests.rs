//! The server over real sockets, driven by hyper's client.

mod answers;
mod faults;
mod messages;
mod records;
mod uploads;

use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::{MockServer, Options};

const CHAT: &str = "/v1/chat/completions";

/// What a client saw. `broken` says that the body ended before its end.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    broken: bool,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The JSON of every `data:` line, without `[DONE]`.
    fn events(&self) -> Vec<Value> {
        let lines = self.text().lines().filter_map(|line| line.strip_prefix("data: "));
        lines.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

fn start(options: Value) -> MockServer {
    MockServer::start(serde_json::from_value::<Options>(options).unwrap()).unwrap()
}

/// A connection; aborting the task closes it.
async fn connect(server: &MockServer) -> (http1::SendRequest<Full<Bytes>>, JoinHandle<()>) {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(async move { drop(connection.await) }))
}

fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert(HOST, "mock".parse().unwrap());
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// One request on a connection of its own; an error where the connection ended before an answer.
async fn try_send(
    server: &MockServer,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Seen, hyper::Error> {
    let (mut sender, _connection) = connect(server).await;
    let response = sender.send_request(request(method, path, headers, body)).await?;
    Ok(drain(response).await)
}

async fn drain(response: http::Response<Incoming>) -> Seen {
    let (parts, mut incoming) = response.into_parts();
    let (mut body, mut broken) = (Vec::new(), false);
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            broken = true;
            break;
        };
        body.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    Seen { status: parts.status, headers: parts.headers, body, broken }
}

async fn post(server: &MockServer, path: &str, headers: &[(&str, &str)], body: Value) -> Seen {
    try_send(server, "POST", path, headers, body.to_string()).await.unwrap()
}

async fn get(server: &MockServer, path: &str) -> Seen {
    try_send(server, "GET", path, &[], "").await.unwrap()
}

fn say(text: &str) -> Value {
    json!({"model": "echo", "messages": [{"role": "user", "content": text}]})
}

fn stream(text: &str) -> Value {
    let mut body = say(text);
    body["stream"] = true.into();
    body
}

/// Asks for the records until the last one satisfies `done`; fails after a generous while.
async fn record_when(server: &MockServer, done: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..500 {
        let rows = get(server, "/_mock/requests").await.json();
        if let Some(row) = rows.as_array().and_then(|rows| rows.last()).filter(|row| done(row)) {
            return row.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no such record in time");
}
