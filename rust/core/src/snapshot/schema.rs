//! The wire: the other end of `ferrogate/engine/snapshot.py`. Unknown fields are refused on both sides.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub version: u32,
    pub auth: Auth,
    pub limits: Limits,
    #[serde(default)]
    pub log: Log,
    pub expose_headers: bool,
    #[serde(default)]
    pub hedge: Hedge,
    #[serde(default = "default_affinity")]
    pub affinity: bool,
    #[serde(default)]
    pub cache: Cache,
    #[serde(default = "default_cache_bytes")]
    pub cache_bytes: u64,
    #[serde(default)]
    pub embedder: Option<Embedder>,
    /// All hooks, and those of a route that says nothing of them.
    #[serde(default)]
    pub installed_hooks: Vec<Hook>,
    #[serde(default)]
    pub hooks: Vec<u64>,
    pub providers: Vec<Provider>,
    pub aliases: Vec<Alias>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    pub required: bool,
    pub gateway_keys: Vec<GatewayKey>,
    pub allowed_hosts: Vec<String>,
    pub allowed_origins: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GatewayKey {
    pub id: String,
    pub name: String,
    pub tenant: String,
    pub sha256: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub client_headers_ms: u64,
    pub client_headers_bytes: usize,
    pub client_body_idle_ms: u64,
    pub client_keepalive_ms: u64,
    pub client_stall_ms: u64,
    pub json_body_bytes: usize,
    pub buffered_bytes: usize,
    pub stream_body_bytes: u64,
    pub answer_bytes: usize,
    pub max_connections: usize,
    #[serde(default = "default_client_streams")]
    pub client_streams: u32,
}

fn default_client_streams() -> u32 {
    128
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub payloads: bool,
    pub payload_limit_bytes: usize,
    pub payload_retention_ms: u64,
    pub payload_total_bytes: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            payloads: true,
            payload_limit_bytes: 64_000,
            payload_retention_ms: 7 * 86_400_000,
            payload_total_bytes: 2_000_000_000,
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Hedge {
    pub enabled: bool,
    pub budget: f64,
}

impl Default for Hedge {
    fn default() -> Self {
        Self { enabled: false, budget: 0.05 }
    }
}

fn default_affinity() -> bool {
    true
}

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Cache {
    #[serde(default)]
    pub exact: Exact,
    #[serde(default)]
    pub semantic: Semantic,
}

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Semantic {
    pub enabled: bool,
    pub threshold: f32,
    #[serde(default)]
    pub verify: Option<Verify>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    pub share: f64,
    pub target: f64,
    pub per_minute: u32,
    pub freeze: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Embedder {
    pub model: EmbedderModel,
    pub threads: usize,
    pub queue: usize,
}

/// `{"minilm": folder}`, `"hashed"` or `{"provider": "openai/text-embedding-3-small"}`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EmbedderModel {
    Minilm(PathBuf),
    Hashed,
    Provider(String),
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct Exact {
    pub enabled: bool,
    pub ttl_ms: u64,
    pub stale_ms: u64,
    pub tool_calls: bool,
    pub coalesce: bool,
    pub ignore: Vec<String>,
}

impl Default for Exact {
    fn default() -> Self {
        Self {
            enabled: false,
            ttl_ms: 300_000,
            stale_ms: 0,
            tool_calls: false,
            coalesce: true,
            ignore: Vec::new(),
        }
    }
}

fn default_cache_bytes() -> u64 {
    256_000_000
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the wire's names say their unit")]
pub(super) struct Timeouts {
    pub connect_ms: u64,
    pub headers_ms: u64,
    pub idle_ms: u64,
    pub json_ms: u64,
    pub deadline_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyAuth {
    pub header: String,
    pub prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub id: String,
    pub name: String,
    pub value: String,
    pub weight: f64,
    pub models: Vec<String>,
    pub enabled: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dialect {
    Openai,
    Anthropic,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Http2 {
    Auto,
    Off,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub ca: Option<String>,
    #[serde(default)]
    pub cert: Option<String>,
    #[serde(default)]
    pub key: Option<String>,
    #[serde(default)]
    pub server_name: Option<String>,
    #[serde(default)]
    pub newest: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reach {
    pub proxy: Option<Proxy>,
    pub addresses: Vec<String>,
    pub dns_ttl_ms: u64,
    pub connections_per_second: Option<f64>,
    pub warm: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proxy {
    pub scheme: ProxyScheme,
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub password: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProxyScheme {
    Http,
    Https,
    Socks5,
    Socks5h,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    pub name: String,
    pub kind: String,
    pub dialect: Dialect,
    pub base_url: String,
    pub auth: KeyAuth,
    pub templates: BTreeMap<String, String>,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub forward_headers: Vec<String>,
    pub timeouts: Timeouts,
    pub http2: Http2,
    #[serde(default)]
    pub tls: Tls,
    #[serde(default)]
    pub reach: Reach,
    #[serde(default)]
    pub quirks: Quirks,
    pub keyless: bool,
    pub configured: bool,
    pub key_hint: String,
    pub keys: Vec<Key>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Quirks {
    pub rename: BTreeMap<String, String>,
    pub unsupported: Vec<String>,
    pub required: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub provider: String,
    pub model: String,
    pub weight: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alias {
    pub name: String,
    pub targets: Vec<Target>,
    #[serde(default)]
    pub payloads: Option<bool>,
    #[serde(default)]
    pub hedge: Option<Hedge>,
    #[serde(default)]
    pub affinity: Option<bool>,
    #[serde(default)]
    pub cache: Option<Cache>,
    #[serde(default)]
    pub hooks: Option<Vec<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hook {
    pub id: u64,
    pub stages: Vec<HookStage>,
    pub timeout_ms: u64,
    pub open: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum HookStage {
    Request,
    Response,
    Event,
}
