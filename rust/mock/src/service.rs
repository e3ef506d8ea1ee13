//! One request: read it, keep it, decide what happens, wait, answer.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::behaviour::{Behaviour, Limit};
use crate::body::{MockBody, Plan};
use crate::keys::KeyScripts;
use crate::openai::{self, Call, Store};
use crate::record::{Recorder, Trace, unix_ms};
use crate::reply::{self, Answer, Failure, HeaderTemplate, JSON, RETRY_AFTER_MS};
use crate::script::Script;
use crate::upload::Upload;
use crate::{anthropic, control, route};

/// What all shards share.
#[derive(Debug)]
pub(crate) struct Shared {
    base: Script,
    keys: KeyScripts,
    recorder: Option<Recorder>,
    store: Store,
    headers: HeaderTemplate,
    next: AtomicU64,
}

impl Shared {
    pub(crate) fn new(base: Script, recorder: Option<Recorder>) -> Self {
        Self {
            base,
            keys: KeyScripts::default(),
            recorder,
            store: Store::default(),
            headers: HeaderTemplate::new(),
            next: AtomicU64::new(unix_ms() << 20),
        }
    }
}

/// What becomes of a request.
enum Outcome {
    Answer(Answer),
    Garbage,
    Hang,
    Close { reset: bool },
}

/// Serves one request. An error ends the connection without another byte; `reset` asks that it end by RST.
pub(crate) async fn serve(
    shared: &Shared,
    reset: &AtomicBool,
    request: Request<Incoming>,
) -> io::Result<Response<MockBody>> {
    let started_ms = unix_ms();
    let id = shared.next.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let control = path.strip_prefix(control::PREFIX);
    let recorder = shared.recorder.as_ref().filter(|_| control.is_none());
    let mut upload = Upload::new(recorder, &parts, id, started_ms);
    upload.read(body).await.map_err(io::Error::other)?;
    let (received, mut trace) = upload.done();
    if let Some(path) = control {
        let query = parts.uri.query().unwrap_or("");
        let answer = control::answer(
            &parts.method,
            path,
            query,
            &received.bytes,
            &shared.keys,
            shared.recorder.as_ref(),
        );
        return Ok(respond(shared, &Script::default(), id, Duration::ZERO, answer, trace));
    }
    if parts.method == Method::HEAD {
        trace.finish();
    }

    let dialect = Dialect::of(path);
    let behaviour = match Behaviour::of(&shared.base, &shared.keys, &parts.headers) {
        Ok(behaviour) => behaviour,
        Err(message) => {
            let refusal = dialect.refusal(&message);
            return Ok(respond(shared, &shared.base, id, Duration::ZERO, refusal, trace));
        }
    };
    let script = behaviour.script.as_ref();
    let outcome = if behaviour.is_limited() {
        Outcome::Answer(dialect.scripted(StatusCode::TOO_MANY_REQUESTS))
    } else {
        let resource = route::resource(path);
        let call = Call {
            method: &parts.method,
            path: resource.path,
            full_path: path,
            deployment: resource.deployment,
            headers: &parts.headers,
            body: &received.bytes,
            body_bytes: received.total,
            script,
            store: &shared.store,
            id,
            created: started_ms / 1000,
        };
        decide(dialect, &call, behaviour.status)
    };
    let tokens = match &outcome {
        Outcome::Answer(Answer::Whole { tokens, .. }) => *tokens,
        _ => 0,
    };
    let delay = script.delay(tokens);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let answer = match outcome {
        Outcome::Answer(answer) => answer,
        Outcome::Garbage => dialect.garbage(is_stream(&received.bytes)),
        Outcome::Hang => match pending::<Infallible>().await {},
        Outcome::Close { reset: by_reset } => {
            trace.finish();
            reset.store(by_reset, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed as scripted"));
        }
    };
    let mut response = respond(shared, script, id, delay, answer, trace);
    match &behaviour.limit {
        Some(_) if script.limit_silent == Some(true) => reply::hide_rate_limit(response.headers_mut()),
        Some(limit) => limit_headers(response.headers_mut(), limit),
        None => {}
    }
    if dialect == Dialect::Anthropic {
        anthropic::rename_headers(response.headers_mut());
    }
    Ok(response)
}

/// Whose words an answer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    OpenAi,
    Anthropic,
}

impl Dialect {
    fn of(path: &str) -> Self {
        if anthropic::resource(path).is_some() { Self::Anthropic } else { Self::OpenAi }
    }

    fn answer(self, call: &Call<'_>) -> Answer {
        match self {
            Self::OpenAi => openai::answer(call),
            Self::Anthropic => anthropic::answer(call),
        }
    }

    fn scripted(self, status: StatusCode) -> Answer {
        match self {
            Self::OpenAi => reply::scripted(status),
            Self::Anthropic => anthropic::scripted(status),
        }
    }

    /// The script itself is wrong.
    fn refusal(self, message: &str) -> Answer {
        match self {
            Self::OpenAi => {
                let failure = Failure::new(StatusCode::BAD_REQUEST, message);
                Failure { code: Some("script_invalid"), ..failure }.into()
            }
            Self::Anthropic => anthropic::failure(StatusCode::BAD_REQUEST, message),
        }
    }

    /// Status 200 and JSON that does not parse, as an event where a stream was asked for.
    fn garbage(self, stream: bool) -> Answer {
        const EVENTS: &str = "text/event-stream; charset=utf-8";
        match (self, stream) {
            (Self::OpenAi, true) => {
                Answer::binary(EVENTS, "data: {\"id\":\"chatcmpl-\",\"choices\":[{\"del\n\ndata: [DONE]\n\n")
            }
            (Self::OpenAi, false) => Answer::json("{\"id\":\"chatcmpl-\",\"choices\":[{\"mess"),
            (Self::Anthropic, true) => Answer::binary(
                EVENTS,
                "event: message_start\ndata: {\"type\":\"message_st\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            ),
            (Self::Anthropic, false) => {
                Answer::json("{\"id\":\"msg_\",\"type\":\"message\",\"content\":[{\"te")
            }
        }
    }
}

/// What the script makes of a request.
fn decide(dialect: Dialect, call: &Call<'_>, status: Option<u16>) -> Outcome {
    let script = call.script;
    let on = |flag: Option<bool>| flag == Some(true);
    if on(script.close) || on(script.reset) {
        return Outcome::Close { reset: on(script.reset) };
    }
    if on(script.hang) {
        return Outcome::Hang;
    }
    let status = status.and_then(|code| StatusCode::from_u16(code).ok());
    match status {
        Some(status) if !status.is_success() => Outcome::Answer(match &script.error_body {
            Some(body) => Answer::Whole { status, content_type: JSON, body: body.clone(), tokens: 0 },
            None => dialect.scripted(status),
        }),
        _ if on(script.garbage) => Outcome::Garbage,
        wanted => {
            let mut answer = dialect.answer(call);
            if let (Some(wanted), Answer::Whole { status, .. }) = (wanted, &mut answer)
                && status.is_success()
            {
                *status = wanted;
            }
            Outcome::Answer(answer)
        }
    }
}

/// Whether a request asks for a stream.
fn is_stream(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Streaming {
        stream: Option<bool>,
    }
    serde_json::from_slice::<Streaming>(body).is_ok_and(|asked| asked.stream == Some(true))
}

fn respond(
    shared: &Shared,
    script: &Script,
    id: u64,
    delay: Duration,
    answer: Answer,
    trace: Trace,
) -> Response<MockBody> {
    let processing_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let (status, mut headers, body) = match answer {
        Answer::Whole { status, content_type, body, .. } => {
            let mut headers = shared.headers.headers(Some(content_type), id, processing_ms);
            trace.status(status.as_u16());
            if script.cut_after.is_some() && status.is_success() {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
                (status, headers, MockBody::half(body, trace))
            } else {
                (status, headers, MockBody::whole(body, trace))
            }
        }
        Answer::Stream(events) => {
            trace.status(StatusCode::OK.as_u16());
            let plan = Plan {
                first: script.first_event(id),
                pace: script.pace(events.tokens(), events.chunks()),
                batch: script.batch.unwrap_or(1).max(1),
                cut_after: script.cut_after,
                error_after: script.error_after,
            };
            let headers = shared.headers.headers(None, id, processing_ms);
            (StatusCode::OK, headers, MockBody::stream(events, plan, trace))
        }
    };
    if let Some(value) = &script.retry_after {
        headers.insert(RETRY_AFTER, value.clone());
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn limit_headers(headers: &mut HeaderMap, limit: &Limit) {
    reply::rate_limit_headers(headers, limit.per_second, limit.left);
    if let Some(wait) = limit.wait {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(ms.div_ceil(1000)));
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(ms));
    }
}
