//! From the document to lookup tables, all or nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::hooks::Hooks;
use super::routes::Routes;
use super::{Access, Caching, Embedding, EmbeddingModel, Provider, Sending, Verifying, resolve, schema};
use crate::balance::LaneTables;

/// Why a document was refused; the text names the field.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejected(pub String);

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Rejected {}

/// Bounds of the listener and of memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A request's headers must be here by then.
    pub client_headers: Duration,
    /// Bytes of a request's head.
    pub client_headers_bytes: usize,
    /// Between two reads of a request's body.
    pub client_body_idle: Duration,
    /// A connection without a request.
    pub client_keepalive: Duration,
    /// A client that does not read its answer.
    pub client_stall: Duration,
    /// A JSON body.
    pub json_body_bytes: usize,
    /// All buffered bodies together.
    pub buffered_bytes: usize,
    /// A body that is streamed through.
    pub stream_body_bytes: u64,
    /// A JSON answer beyond this is relayed before its end is known.
    pub answer_bytes: usize,
    /// Connections of clients.
    pub max_connections: usize,
    /// Requests at one time on one HTTP/2 connection of a client.
    pub client_streams: u32,
}

/// What is kept of bodies, beside a request's row.
#[derive(Debug, Clone, Copy)]
pub struct PayloadRules {
    /// Whether any are, where an alias does not say otherwise.
    pub enabled: bool,
    /// Of one body, from its start.
    pub limit_bytes: usize,
    /// For how long.
    pub retention: Duration,
    /// Of all together, as they are on disk.
    pub total_bytes: u64,
}

/// Everything the engine knows at one moment. Immutable: a change is a new one.
#[derive(Debug)]
pub struct Snapshot {
    /// Who may call.
    pub access: Access,
    /// Bounds.
    pub limits: Limits,
    /// What is kept of bodies.
    pub payloads: PayloadRules,
    /// Whether the headers that name internals are sent.
    pub expose_headers: bool,
    /// Memory that kept answers may take.
    pub cache_bytes: u64,
    /// What makes vectors, where a route is asked for what means the same.
    pub embedding: Option<Embedding>,
    /// All providers.
    pub providers: Vec<Arc<Provider>>,
    pub(super) by_name: HashMap<Box<str>, usize>,
    pub(super) aliases: HashMap<Box<str>, Vec<resolve::AliasTarget>>,
    alias_names: Vec<Box<str>>,
    /// What an alias says for itself.
    payload_overrides: HashMap<Box<str>, bool>,
    pub(super) default_sending: Sending,
    /// By alias.
    pub(super) sending: HashMap<Box<str>, Sending>,
    pub(super) default_caching: Option<Caching>,
    /// By alias.
    pub(super) caching: HashMap<Box<str>, Option<Caching>>,
    pub(super) hooks: Hooks,
    pub(super) routes: Routes,
}

impl Snapshot {
    /// Compiles a document. `lanes` keeps what outlives a change; it is pruned only when the document is accepted.
    pub fn compile(document: &[u8], lanes: &mut LaneTables) -> Result<Self, Rejected> {
        let wire: schema::Document =
            serde_json::from_slice(document).map_err(|error| Rejected(format!("snapshot: {error}")))?;
        if wire.version != 1 {
            return Err(Rejected(format!(
                "snapshot version {} is not known; this engine reads 1",
                wire.version
            )));
        }
        let mut providers = Vec::with_capacity(wire.providers.len());
        let mut by_name = HashMap::new();
        for provider in wire.providers {
            let provider = Provider::compile(provider, lanes).map_err(Rejected)?;
            if by_name.insert(provider.name.clone(), providers.len()).is_some() {
                return Err(Rejected(format!("provider {} stands twice", provider.name)));
            }
            providers.push(Arc::new(provider));
        }
        let mut aliases = HashMap::new();
        let mut alias_names = Vec::new();
        let mut payload_overrides = HashMap::new();
        let default_sending = compile_sending(wire.hedge, wire.affinity)?;
        let mut sending = HashMap::new();
        let default_caching = compile_caching(wire.cache);
        let mut caching = HashMap::new();
        let hooks = Hooks::compile(&wire.installed_hooks, &wire.hooks, &wire.aliases)?;
        for alias in wire.aliases {
            let targets = resolve::compile_alias(&alias, &by_name).map_err(Rejected)?;
            alias_names.push(alias.name.clone().into());
            let hedge = alias.hedge.unwrap_or(wire.hedge);
            let own = compile_sending(hedge, alias.affinity.unwrap_or(wire.affinity))?;
            sending.insert(alias.name.clone().into(), own);
            let own = alias.cache.map_or_else(|| default_caching.clone(), compile_caching);
            caching.insert(alias.name.clone().into(), own);
            payload_overrides.extend(alias.payloads.map(|kept| (alias.name.clone().into(), kept)));
            if aliases.insert(alias.name.clone().into(), targets).is_some() {
                return Err(Rejected(format!("alias {} stands twice", alias.name)));
            }
        }
        let access = Access::compile(wire.auth).map_err(Rejected)?;
        lanes.retain(|id| providers.iter().any(|provider| provider.keys.iter().any(|key| *key.id == *id)));
        for key in providers.iter().flat_map(|provider| &provider.keys) {
            key.lanes.key().is_now(key.fingerprint());
        }
        let limits = compile_limits(wire.limits);
        let snapshot = Self {
            access,
            limits,
            payloads: compile_log(wire.log),
            expose_headers: wire.expose_headers,
            cache_bytes: wire.cache_bytes,
            embedding: wire.embedder.map(compile_embedding),
            providers,
            by_name,
            aliases,
            alias_names,
            payload_overrides,
            default_sending,
            sending,
            default_caching,
            caching,
            hooks,
            routes: Routes::default(),
        };
        snapshot.prepare_aliases();
        Ok(snapshot)
    }

    /// A provider by its name.
    pub fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.by_name.get(name).map(|&index| &self.providers[index])
    }

    /// How many bytes are kept of each body of a request for `model`; 0 where none are.
    pub fn payload_limit(&self, model: &str) -> usize {
        let said = self.payload_overrides.get(model).copied();
        if said.unwrap_or(self.payloads.enabled) { self.payloads.limit_bytes } else { 0 }
    }

    /// The aliases' names, in the order of the configuration.
    pub fn alias_names(&self) -> impl Iterator<Item = &str> {
        self.alias_names.iter().map(|name| &**name)
    }
}

fn compile_sending(hedge: schema::Hedge, affinity: bool) -> Result<Sending, Rejected> {
    if !(0.0..=1.0).contains(&hedge.budget) {
        return Err(Rejected("hedge: the budget must be from 0 to 1".to_owned()));
    }
    Ok(Sending { hedge: hedge.enabled.then_some(hedge.budget), affinity })
}

fn compile_caching(wire: schema::Cache) -> Option<Caching> {
    let schema::Cache { exact, semantic } = wire;
    (exact.enabled || semantic.enabled).then(|| Caching {
        exact: exact.enabled,
        semantic: semantic.enabled.then_some(semantic.threshold),
        verifying: semantic.verify.map(|verify| Verifying {
            share: verify.share,
            target: verify.target,
            per_minute: verify.per_minute,
            frozen: verify.freeze,
        }),
        ttl: Duration::from_millis(exact.ttl_ms),
        stale: Duration::from_millis(exact.stale_ms),
        tool_calls: exact.tool_calls,
        coalesce: exact.enabled && exact.coalesce,
        ignore: exact.ignore.into_iter().map(String::into_boxed_str).collect(),
    })
}

fn compile_embedding(wire: schema::Embedder) -> Embedding {
    let model = match wire.model {
        schema::EmbedderModel::Minilm(folder) => EmbeddingModel::MiniLm(folder),
        schema::EmbedderModel::Hashed => EmbeddingModel::Hashed,
        schema::EmbedderModel::Provider(model) => EmbeddingModel::Provider(model.into()),
    };
    Embedding { model, threads: wire.threads, queue: wire.queue }
}

fn compile_log(wire: schema::Log) -> PayloadRules {
    PayloadRules {
        enabled: wire.payloads,
        limit_bytes: wire.payload_limit_bytes,
        retention: Duration::from_millis(wire.payload_retention_ms),
        total_bytes: wire.payload_total_bytes,
    }
}

fn compile_limits(wire: schema::Limits) -> Limits {
    Limits {
        client_headers: Duration::from_millis(wire.client_headers_ms),
        client_headers_bytes: wire.client_headers_bytes.max(8 * 1024),
        client_body_idle: Duration::from_millis(wire.client_body_idle_ms),
        client_keepalive: Duration::from_millis(wire.client_keepalive_ms),
        client_stall: Duration::from_millis(wire.client_stall_ms),
        json_body_bytes: wire.json_body_bytes,
        buffered_bytes: wire.buffered_bytes,
        stream_body_bytes: wire.stream_body_bytes,
        answer_bytes: wire.answer_bytes,
        max_connections: wire.max_connections,
        client_streams: wire.client_streams,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
