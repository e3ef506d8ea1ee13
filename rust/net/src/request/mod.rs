//! The life of a request: identify, read, plan, attempt, respond.

mod attempt;
mod body;
mod carry;
mod cors;
mod cut;
mod fault;
mod framing;
mod headers;
mod hedge;
mod hooked;
mod inbound;
mod keep;
mod kept;
mod meant;
mod models;
mod opening;
mod own;
mod pace;
mod plan;
mod query;
mod read;
mod respond;
mod run;
mod together;
mod trial;
mod verdict;
mod verify;
mod wishes;

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use ferrogate_core::balance::affinity_hash;
pub(crate) use ferrogate_core::dialects::is_inference;
use ferrogate_core::dialects::{Dialect, Operation, Route, climbs, route};
use ferrogate_core::snapshot::{Asked, Snapshot};
use ferrogate_core::{GatewayError, Kind};
use http::header::{CONNECTION, HeaderValue};
use http::{Method, Response, StatusCode};

pub(crate) use body::{BodyFault, InboundBody};
pub(crate) use framing::settle;
pub(crate) use headers::{strip_forwarding, strip_hop_by_hop};
pub(crate) use inbound::Inbound;
pub(crate) use keep::PREVIEW;
pub(crate) use meant::LONGEST as LONGEST_QUESTION;
pub(crate) use models::ModelLists;
pub(crate) use plan::Decided;
pub(crate) use respond::{last_words, plain_error};

use attempt::Job;
use keep::Named;
use plan::Plan;
use read::Payload;
use run::Run;
use together::Owned;
use wishes::Wishes;

use crate::clock;
use crate::hooks::Passage;
use crate::observe::{Outcome, Ticket};
use crate::relay::Relay;
use crate::shard::Shard;

/// The engine's one entrance: a door only adapts a socket or an ASGI call to it.
pub(crate) async fn handle(shard: &Rc<Shard>, inbound: Inbound) -> Response<Relay> {
    let snapshot = shard.shared.snapshot.load_full();
    let origin = cors::allowed_origin(&snapshot.access, &inbound.head.headers);
    let client = inbound.client.clone();
    let mut response = answer(shard, &snapshot, inbound, origin.is_some()).await;
    response.body_mut().attach(client);
    if let Some(origin) = origin {
        cors::decorate(response.headers_mut(), origin);
    }
    response
}

/// Records a request whose client left before anything was done about it.
pub(crate) fn abandon(shard: &Rc<Shard>, inbound: &Inbound) {
    let snapshot = shard.shared.snapshot.load();
    let head = &inbound.head;
    let path = head.uri.path();
    let operation = route(head.method.as_str(), path).map_or(Operation::Other, |route| route.operation);
    let mut ticket = Ticket::new(shard, inbound.door, inbound.arrived, operation);
    ticket.queued = inbound.queued;
    ticket.path = path.into();
    // Whether it would have been refused is nobody's concern any more.
    let _ = introduce(&snapshot, head, &mut ticket);
    ticket.finish(Outcome::Cancelled);
}

/// Who asks, and what the gateway's own headers wish.
fn introduce(
    snapshot: &Snapshot,
    head: &http::request::Parts,
    ticket: &mut Ticket,
) -> Result<Wishes, GatewayError> {
    let wishes = Wishes::read(&head.headers);
    if let Ok(wishes) = &wishes {
        // Whoever is refused can find the row that says so.
        ticket.client_request_id.clone_from(&wishes.client_request_id);
        ticket.tags.clone_from(&wishes.tags);
    }
    ticket.principal = Some(wishes::identify(&snapshot.access, head)?);
    wishes
}

async fn answer(
    shard: &Rc<Shard>,
    snapshot: &Arc<Snapshot>,
    inbound: Inbound,
    cors: bool,
) -> Response<Relay> {
    let Inbound { mut head, body, door, arrived, queued, client: _, home } = inbound;
    let settled = settle(&mut head);
    let is_settled = settled.is_ok();
    let head = head;
    let path = head.uri.path();
    let found = route(head.method.as_str(), path);
    let operation = found.map_or(Operation::Other, |route| route.operation);
    let mut ticket = Ticket::new(shard, door, arrived, operation);
    ticket.queued = queued;
    ticket.home = home;
    ticket.path = path.into();
    if cors && let Some(preflight) = cors::preflight(&head) {
        ticket.status = StatusCode::NO_CONTENT.as_u16();
        ticket.finish(Outcome::Ok);
        return preflight;
    }
    let prepared = match settled {
        Ok(()) => prepare(shard, snapshot, &head, found, body, &mut ticket).await,
        Err(error) => {
            let _ = introduce(snapshot, &head, &mut ticket);
            Err(error)
        }
    };
    match prepared {
        Ok(Prepared::Models(rest)) => Box::pin(models::answer(shard, snapshot, &rest, ticket)).await,
        Ok(Prepared::Send(ready)) => {
            let Ready { payload, plan, wishes, named, passage } = *ready;
            let rest = found.map_or("", |route| route.rest);
            let dialect = found.map_or(Dialect::OpenAi, |route| route.dialect);
            let response = 'sent: {
                let Some(named) = named else {
                    let id = ticket.id;
                    let head = &head;
                    let job = Job {
                        shard,
                        snapshot,
                        head,
                        dialect,
                        operation,
                        rest,
                        payload,
                        wishes,
                        id,
                        keeps: false,
                    };
                    break 'sent Run::new(&job, plan, ticket).answer().await;
                };
                if let Some(hit) = named.find(shard, &mut ticket)
                    && let Some(body) = named.body(&hit, &payload)
                {
                    shard.shared.cache.saved(hit.entry.usage);
                    break 'sent keep::serve(&hit, &body, named.stream, snapshot, ticket);
                }
                ticket.cache = "miss";
                let (shard, snapshot, rest) = (Rc::clone(shard), Arc::clone(snapshot), rest.into());
                let owned = Owned { shard, snapshot, head, dialect, operation, rest, payload, wishes, plan };
                Box::pin(owned.together(named, ticket)).await
            };
            match passage {
                None => response,
                Some(passage) => {
                    Box::pin(hooked::answer(shard, snapshot, passage, operation, response)).await
                }
            }
        }
        Err(error) => {
            let mut response = respond::error(snapshot, &error, ticket);
            if !is_settled {
                // Where the request ends is in doubt, so nothing behind it is read.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

/// What is known before anything is sent.
enum Prepared {
    /// The gateway answers by itself: the path behind `models`.
    Models(String),
    /// Something is sent, or found.
    Send(Box<Ready>),
}

/// A request that may be sent.
struct Ready {
    payload: Payload,
    plan: Plan,
    wishes: Wishes,
    /// Where its answer is kept, if it is.
    named: Option<Named>,
    /// The hooks that see its answer.
    passage: Option<Rc<Passage>>,
}

async fn prepare(
    shard: &Rc<Shard>,
    snapshot: &Arc<Snapshot>,
    head: &http::request::Parts,
    found: Option<Route<'_>>,
    body: InboundBody,
    ticket: &mut Ticket,
) -> Result<Prepared, GatewayError> {
    let wishes = introduce(snapshot, head, ticket)?;
    ticket.keep_bodies(snapshot.payload_limit(""));
    if shard.shared.draining.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(GatewayError::new(Kind::Draining, "The gateway is shutting down; try again."));
    }
    if shard.recorder.is_behind() {
        return Err(GatewayError::new(Kind::Overloaded, "The request log is behind; try again in a moment."));
    }
    let route = found.ok_or_else(|| GatewayError::new(Kind::RouteNotFound, "No such route."))?;
    check_route(snapshot, &head.method, &route)?;
    if route.operation == Operation::Models && wishes.provider.is_none() {
        return Ok(Prepared::Models(route.rest["models".len()..].trim_start_matches('/').to_owned()));
    }
    let reading = pin!(read::read(shard, snapshot, head, route.operation, body));
    let mut payload = cut::unless_cut(shard, reading).await??;
    ticket.request_bytes = payload.len();
    ticket.stream = payload.stream;
    ticket.model = payload.model.clone().unwrap_or_default();
    let limit = snapshot.payload_limit(&ticket.model);
    ticket.keep_bodies(limit);
    let mut passage = None;
    if let Some(chain) = snapshot.hooks(&ticket.model, wishes.provider.is_some()) {
        // In a box, for requests without hooks carry this future too.
        let through = Box::pin(hooked::request(shard, snapshot, chain, &head.headers, payload, ticket));
        (payload, passage) = through.await?;
        ticket.model = payload.model.clone().unwrap_or_default();
    }
    if let Some(body) = payload.bytes() {
        ticket.capture.request(&head.headers, body);
    }
    let asked = Asked {
        model: &ticket.model,
        own_provider: route.dialect.own_provider(),
        provider: wishes.provider.as_deref(),
        fallbacks: wishes.fallbacks.as_deref(),
    };
    let mut named = None;
    let plan = if route.operation.is_stored() || wishes.key.is_some() {
        Plan::single(&snapshot.resolve(&asked)?, wishes.key.as_deref())?
    } else {
        let lanes = snapshot.route(&asked)?;
        let thread = thread(&lanes, &payload, &wishes, ticket);
        named = Named::of(shard, &lanes, route.operation, &head.headers, &payload, &wishes, ticket);
        Plan::of(lanes, clock::now(), thread)
    };
    let plan = plan.serving(route.dialect, route.operation)?;
    Ok(Prepared::Send(Box::new(Ready { payload, plan, wishes, named, passage })))
}

/// A hash of what requests of one conversation have in common, where they should stay on one lane.
fn thread(
    lanes: &ferrogate_core::snapshot::Route,
    payload: &Payload,
    wishes: &Wishes,
    ticket: &Ticket,
) -> Option<u64> {
    if !lanes.sending.affinity || lanes.choices.len() < 2 {
        return None;
    }
    let thread = wishes.session.as_ref().map(|session| session.as_bytes()).or_else(|| payload.thread())?;
    let tenant = ticket.principal.as_ref().map_or("", |principal| &*principal.tenant);
    Some(affinity_hash(&[tenant.as_bytes(), thread]))
}

fn check_route(snapshot: &Snapshot, method: &Method, route: &Route<'_>) -> Result<(), GatewayError> {
    // TRACE and CONNECT mean something to whoever stands between, and no API has others.
    let is_known = matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS
    );
    if !is_known {
        return Err(GatewayError::new(Kind::RouteNotFound, "No route takes this method."));
    }
    if route.dialect != Dialect::OpenAi {
        let known = snapshot.provider(route.dialect.own_provider()).is_some();
        let message = format!(
            "This version serves OpenAI's dialect only; the {} routes are not there{}.",
            route.dialect.name(),
            if known { "" } else { " yet" }
        );
        return Err(GatewayError::new(Kind::NotSupported, message));
    }
    if route.rest.is_empty() || climbs(route.rest) {
        return Err(GatewayError::new(Kind::RouteNotFound, "No such route; see the README for the paths."));
    }
    Ok(())
}
