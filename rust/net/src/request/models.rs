//! `GET models`: the aliases and what each provider with a key lists, kept for five minutes.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_core::dialects::Operation;
use ferrogate_core::snapshot::{Provider, Snapshot};
use ferrogate_core::{GatewayError, Kind};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::headers;
use super::opening::{self, Gathered};
use super::respond;
use crate::observe::{Outcome, Ticket};
use crate::relay::Relay;
use crate::shard::Shard;
use crate::upstream::{Outbound, send};

const KEPT: Duration = Duration::from_secs(300);
/// A list that could not be had is asked for again after this.
const RETRY: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(5);
const LIST_BYTES: usize = 8 * 1024 * 1024;

/// What the providers listed last, by provider and by the address and keys that were asked.
#[derive(Default)]
pub(crate) struct ModelLists {
    lists: HashMap<Box<str>, List>,
}

struct List {
    /// The provider that answered: another one of that name (other keys, another address) is asked anew.
    from: Arc<Provider>,
    until: Instant,
    models: Vec<Model>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Model {
    id: String,
    #[serde(default)]
    created: Option<i64>,
    #[serde(default)]
    owned_by: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    data: Vec<Model>,
}

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
}

/// The list, or one model of it where `id` is not empty.
pub(super) async fn answer(
    shard: &Rc<Shard>,
    snapshot: &Arc<Snapshot>,
    id: &str,
    ticket: Ticket,
) -> Response<Relay> {
    let models = all(shard, snapshot).await;
    if id.is_empty() {
        let data: Vec<Shown<'_>> = models.iter().map(|(id, model)| model.shown(id)).collect();
        return json(snapshot, &serde_json::json!({"object": "list", "data": data}), ticket);
    }
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    if let Some(model) = models.get(&*id) {
        json(snapshot, &model.shown(&id), ticket)
    } else {
        let message =
            format!("No model \"{id}\" is listed by an alias or a provider with a key; see GET /v1/models.");
        let error = GatewayError::new(Kind::ProviderNotFound, message).with_param("model");
        respond::error(snapshot, &error, ticket)
    }
}

impl Model {
    fn shown<'a>(&'a self, id: &'a str) -> Shown<'a> {
        Shown {
            id,
            object: "model",
            created: self.created.unwrap_or(0),
            owned_by: self.owned_by.as_deref().unwrap_or("ferrogate"),
        }
    }
}

fn json(snapshot: &Snapshot, value: &impl Serialize, mut ticket: Ticket) -> Response<Relay> {
    let bytes = Bytes::from(serde_json::to_vec(value).unwrap_or_default());
    ticket.status = StatusCode::OK.as_u16();
    let mut response = Response::new(Relay::whole(bytes.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ticket.answered(response.headers(), &bytes);
    respond::gateway_headers(response.headers_mut(), snapshot, &ticket);
    ticket.finish(Outcome::Ok);
    response
}

/// Every name that resolves: aliases, `provider/name`, and bare names of the prefix's own provider.
async fn all(shard: &Rc<Shard>, snapshot: &Arc<Snapshot>) -> BTreeMap<String, Model> {
    let mut names = BTreeMap::new();
    let usable =
        |provider: &&Arc<Provider>| provider.keys.iter().any(ferrogate_core::snapshot::Key::is_usable);
    for provider in snapshot.providers.iter().filter(usable) {
        for model in of(shard, provider).await {
            names.insert(format!("{}/{}", provider.name, model.id), model.clone());
            if &*provider.name == "openai" {
                names.insert(model.id.clone(), model);
            }
        }
    }
    for alias in snapshot.alias_names() {
        names.insert(alias.to_owned(), Model { id: alias.to_owned(), created: None, owned_by: None });
    }
    names
}

async fn of(shard: &Rc<Shard>, provider: &Arc<Provider>) -> Vec<Model> {
    let now = Instant::now();
    let kept = shard.models.borrow().lists.get(&provider.name).and_then(|list| list.fresh(provider, now));
    if let Some(models) = kept {
        return models;
    }
    let asked = timeout(PATIENCE, ask(shard, provider)).await.ok().flatten();
    let until = now + if asked.is_some() { KEPT } else { RETRY };
    let mut models = asked.unwrap_or_default();
    // What a key names is a model even where the provider does not list it.
    for name in provider.keys.iter().flat_map(|key| &key.models).filter(|name| !name.ends_with('*')) {
        if !models.iter().any(|model| *model.id == **name) {
            models.push(Model { id: name.to_string(), created: None, owned_by: None });
        }
    }
    let list = List { from: Arc::clone(provider), until, models: models.clone() };
    shard.models.borrow_mut().lists.insert(provider.name.clone(), list);
    models
}

impl List {
    fn fresh(&self, provider: &Arc<Provider>, now: Instant) -> Option<Vec<Model>> {
        (Arc::ptr_eq(&self.from, provider) && now < self.until).then(|| self.models.clone())
    }
}

async fn ask(shard: &Rc<Shard>, provider: &Arc<Provider>) -> Option<Vec<Model>> {
    let key = provider.keys.iter().find(|key| key.is_usable())?;
    let mut request = Request::new(Outbound::whole(Bytes::new()));
    *request.uri_mut() = provider.uri(Operation::Models, "models", None, "")?;
    *request.headers_mut() = headers::up(&HeaderMap::new(), None, provider, key, true);
    let target = &provider.target;
    let answer =
        send(&shard.connector, &shard.pool, target, request, &provider.timeouts, true, None).await.ok()?;
    if !answer.head.status.is_success() {
        return None;
    }
    let gathered = opening::gather(answer.body, LIST_BYTES, Instant::now() + PATIENCE).await.ok()?;
    let Gathered::Whole(bytes) = gathered else { return None };
    serde_json::from_slice::<Listed>(&bytes).ok().map(|listed| listed.data)
}
