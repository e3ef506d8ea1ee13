//! Calls of the gateway's own: they go the way of a client's, and each has its row in the log.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use ferrogate_core::dialects::{Dialect, Operation};
use ferrogate_core::snapshot::{Asked, Principal, Snapshot};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use serde::{Deserialize, Serialize};

use super::attempt::Job;
use super::plan::Plan;
use super::read::Payload;
use super::run::Run;
use super::wishes::Wishes;
use crate::clock;
use crate::observe::Ticket;
use crate::relay::Relay;
use crate::shard::Shard;

/// In the place of the door in the rows of such calls.
pub(super) const DOOR: &str = "gateway";

/// An answer beyond this is not looked at.
const LARGEST: usize = 8 << 20;

/// The vector of a text by a provider's model, on behalf of `principal`.
pub(super) async fn vector(
    shard: &Rc<Shard>,
    snapshot: &Arc<Snapshot>,
    model: &str,
    text: &str,
    principal: Option<Arc<Principal>>,
) -> Option<Box<[f32]>> {
    #[derive(Serialize)]
    struct Asks<'a> {
        model: &'a str,
        input: &'a str,
        encoding_format: &'static str,
    }
    #[derive(Deserialize)]
    struct Answer {
        data: [Item; 1],
    }
    #[derive(Deserialize)]
    struct Item {
        embedding: Box<[f32]>,
    }
    let asks = Asks { model, input: text, encoding_format: "float" };
    let payload = Payload::own(shard, serde_json::to_vec(&asks).ok()?.into()).ok()?;
    let asked =
        Asked { model, own_provider: Dialect::OpenAi.own_provider(), provider: None, fallbacks: None };
    let route = snapshot.route(&asked).ok()?;
    let plan = Plan::of(route, clock::now(), None).serving(Dialect::OpenAi, Operation::Embeddings).ok()?;
    let mut ticket = Ticket::new(shard, DOOR, Instant::now(), Operation::Embeddings);
    ticket.principal = principal;
    ticket.path = "/openai/v1/embeddings".into();
    ticket.model = model.into();
    ticket.request_bytes = payload.len();
    let head = head("/openai/v1/embeddings");
    let job = Job {
        shard,
        snapshot,
        head: &head,
        dialect: Dialect::OpenAi,
        operation: Operation::Embeddings,
        rest: "embeddings",
        payload,
        wishes: Wishes::default(),
        id: ticket.id,
        keeps: false,
    };
    let (_, body) = whole(Run::new(&job, plan, ticket).answer().await).await?;
    let Answer { data: [item] } = serde_json::from_slice(&body).ok()?;
    Some(item.embedding)
}

/// The head of a request that nobody sent.
fn head(path: &'static str) -> Parts {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(());
    request.map_or_else(|_| Request::new(()), |request| request).into_parts().0
}

/// A whole answer; None where it is an error, breaks off, or is too large.
pub(super) async fn whole(response: Response<Relay>) -> Option<(HeaderMap, Bytes)> {
    let (head, mut body) = response.into_parts();
    let mut all = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            all.extend_from_slice(&data);
        }
        if all.len() > LARGEST {
            return None;
        }
    }
    (head.status == StatusCode::OK).then(|| (head.headers, all.freeze()))
}
