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
use http::{Request, Response, StatusCode};
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
const DOOR: &str = "gateway";

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
    let body = serde_json::to_vec(&Asks { model, input: text, encoding_format: "float" }).ok()?;
    let call = Call {
        head: head("/openai/v1/embeddings"),
        operation: Operation::Embeddings,
        rest: "embeddings".into(),
        body: body.into(),
        principal,
    };
    let Answer { data: [item] } = serde_json::from_slice(&call.answer(shard, snapshot).await?).ok()?;
    Some(item.embedding)
}

/// A call in OpenAI's dialect.
pub(super) struct Call {
    pub(super) head: Parts,
    pub(super) operation: Operation,
    /// The path behind the dialect's own.
    pub(super) rest: Box<str>,
    pub(super) body: Bytes,
    /// For whom.
    pub(super) principal: Option<Arc<Principal>>,
}

impl Call {
    /// The body of the whole answer; None where there is none.
    pub(super) async fn answer(&self, shard: &Rc<Shard>, snapshot: &Arc<Snapshot>) -> Option<Bytes> {
        let payload = Payload::own(shard, self.body.clone()).ok()?;
        let model = payload.model.clone()?;
        let own_provider = Dialect::OpenAi.own_provider();
        let route = snapshot.route(&Asked { model: &model, own_provider, provider: None, fallbacks: None });
        let plan = Plan::of(route.ok()?, clock::now(), None).serving(Dialect::OpenAi, self.operation).ok()?;
        let mut ticket = Ticket::new(shard, DOOR, Instant::now(), self.operation);
        ticket.principal.clone_from(&self.principal);
        ticket.path = self.head.uri.path().into();
        ticket.model = model;
        ticket.stream = payload.stream;
        ticket.request_bytes = payload.len();
        let job = Job {
            shard,
            snapshot,
            head: &self.head,
            dialect: Dialect::OpenAi,
            operation: self.operation,
            rest: &self.rest,
            payload,
            wishes: Wishes::default(),
            id: ticket.id,
            keeps: false,
        };
        whole(Run::new(&job, plan, ticket).answer().await).await
    }
}

/// The head of a request that nobody sent.
fn head(path: &'static str) -> Parts {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(());
    request.map_or_else(|_| Request::new(()), |request| request).into_parts().0
}

/// A whole answer; None where it is an error, breaks off, or is too large.
async fn whole(response: Response<Relay>) -> Option<Bytes> {
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
    (head.status == StatusCode::OK).then(|| all.freeze())
}
