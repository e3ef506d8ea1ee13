//! Where a request meets its hooks: before anything is looked for or sent, and again on the way back.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ferrogate_core::dialects::Operation;
use ferrogate_core::dialects::openai::Answer;
use ferrogate_core::snapshot::{HookChain, Snapshot};
use ferrogate_core::{GatewayError, Kind};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, response};
use http_body::Body;

use super::cut::unless_cut;
use super::headers::may_be_added;
use super::read::Payload;
use super::respond;
use crate::hooks::{AnswerFacts, Facts, Passage, Seen};
use crate::observe::Ticket;
use crate::relay::Relay;
use crate::shard::Shard;

/// A whole answer that hooks are to see may have so many bytes.
const LARGEST: usize = 16 << 20;

/// Whether hooks see requests of this kind.
fn is_seen(operation: Operation, payload: &Payload) -> bool {
    operation.is_inference() && payload.bytes().is_some_and(|body| !body.is_empty())
}

/// Sends a request through its hooks; what they made of it, and the passage that its answer is to take.
pub(super) async fn request(
    shard: &Rc<Shard>,
    snapshot: &Snapshot,
    chain: &HookChain,
    headers: &HeaderMap,
    mut payload: Payload,
    ticket: &mut Ticket,
) -> Result<(Payload, Option<Rc<Passage>>), GatewayError> {
    if !is_seen(ticket.operation, &payload) {
        return Ok((payload, None));
    }
    let principal = ticket.principal.as_ref();
    let facts = Facts {
        request_id: String::from_utf8_lossy(&ticket.id).into_owned(),
        tenant: principal.map_or_else(Box::default, |principal| principal.tenant.clone()),
        gateway_key: principal.map_or_else(Box::default, |principal| principal.key_id.clone()),
        model: Arc::clone(&ticket.model),
        operation: ticket.operation.name(),
        door: ticket.door,
        stream: ticket.stream,
        home: ticket.home,
        ..Facts::default()
    };
    let passage = Rc::new(Passage::begin(chain, &shard.shared.hooks, Seen { facts, headers }));
    ticket.hooks = Some(Rc::clone(&passage.tally));
    if let Some(body) = payload.bytes().cloned() {
        let change = {
            let check = |body: &Bytes| payload.check(body, &snapshot.limits);
            let calling = pin!(passage.request(body.clone(), &check));
            unless_cut(shard, calling).await.and_then(|change| change)
        };
        let change = change.inspect_err(|_| ticket.capture.request(headers, &body))?;
        if let Some(body) = change.body {
            payload = payload.with_body(body, &snapshot.limits)?;
        }
        payload.added = added(&change.headers);
    }
    if !(passage.sees_answers() || passage.sees_events()) {
        return Ok((payload, None));
    }
    passage.parking.keep(ticket.capture.limit());
    ticket.parking = Some(Rc::clone(&passage.parking));
    Ok((payload, Some(passage)))
}

/// The headers that may be set beside; others are the gateway's, or the connection's.
fn added(headers: &[(String, String)]) -> Option<Box<HeaderMap>> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
            && may_be_added(&name)
        {
            map.insert(name, value);
        }
    }
    (!map.is_empty()).then(|| Box::new(map))
}

/// Sends an answer through the hooks of its request.
pub(super) async fn answer(
    shard: &Rc<Shard>,
    snapshot: &Snapshot,
    passage: Rc<Passage>,
    operation: Operation,
    response: Response<Relay>,
) -> Response<Relay> {
    let media = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let is_events = media.starts_with(b"text/event-stream") && passage.sees_events();
    let is_json = media.starts_with(b"application/json") && passage.sees_answers();
    if !response.status().is_success() || !(is_events || is_json) {
        drop(passage.parking.close());
        return response;
    }
    let facts = Arc::new(facts_of(&response));
    if is_events {
        let (mut head, relay) = response.into_parts();
        // How long it will be is the hooks' to say.
        head.headers.remove(CONTENT_LENGTH);
        let named = operation == Operation::Responses;
        return Response::from_parts(head, Relay::hooked(relay, passage, facts, named));
    }
    let (head, relay) = response.into_parts();
    let whole = {
        let gathering = pin!(gather(relay));
        unless_cut(shard, gathering).await.and_then(|gathered| gathered)
    };
    let result = match whole {
        Ok(body) => {
            let calling = pin!(change(&passage, body, &facts));
            unless_cut(shard, calling).await.and_then(|changed| changed)
        }
        Err(error) => Err(error),
    };
    finish(snapshot, &passage, head, result)
}

type Changed = (Bytes, Vec<(String, String)>);

async fn change(passage: &Passage, body: Bytes, facts: &Arc<AnswerFacts>) -> Result<Changed, GatewayError> {
    let check = |body: &Bytes| match Answer::read(body) {
        Ok(_) => Ok(()),
        Err(_) => Err("it made an answer that is no JSON"),
    };
    let change = passage.response(body.clone(), facts, &check).await?;
    Ok((change.body.unwrap_or(body), change.headers))
}

/// The client gets what the hooks made, and the log has what the client gets.
fn finish(
    snapshot: &Snapshot,
    passage: &Passage,
    mut head: response::Parts,
    result: Result<Changed, GatewayError>,
) -> Response<Relay> {
    let ticket = passage.parking.close();
    let error = match result {
        Ok((body, headers)) => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            for (name, value) in added(&headers).into_iter().flat_map(|map| *map) {
                if let Some(name) = name {
                    head.headers.insert(name, value);
                }
            }
            if let Some(mut ticket) = ticket {
                ticket.answered(&head.headers, &body);
            }
            return Response::from_parts(head, Relay::whole(body));
        }
        Err(error) => error,
    };
    if let Some(ticket) = ticket {
        return respond::error(snapshot, &error, ticket);
    }
    passage.parking.fail(error.kind);
    respond::plain_error(&error)
}

fn facts_of(response: &Response<Relay>) -> AnswerFacts {
    let text = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().into()
    };
    let names = ["hit-exact", "hit-semantic", "joined", "miss", "bypass"];
    let cache: Box<str> = text("x-gateway-cache");
    AnswerFacts {
        status: response.status().as_u16(),
        provider: text("x-gateway-provider"),
        model: text("x-gateway-model"),
        cache: names.into_iter().find(|name| **name == *cache).unwrap_or("off"),
        ..AnswerFacts::default()
    }
}

async fn gather(mut relay: Relay) -> Result<Bytes, GatewayError> {
    if let Some(body) = relay.as_whole() {
        return Ok(body.clone());
    }
    let mut all = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut relay).poll_frame(cx)).await {
        let frame =
            frame.map_err(|_| GatewayError::new(Kind::UpstreamCut, "The provider's answer broke off."))?;
        if let Ok(data) = frame.into_data() {
            all.extend_from_slice(&data);
        }
        if all.len() > LARGEST {
            let message = "The answer is too long for the hooks of this route, which see it whole.";
            return Err(GatewayError::new(Kind::HookFailed, message));
        }
    }
    Ok(all.freeze())
}
