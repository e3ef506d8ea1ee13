//! A provider, ready to be sent to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::reach::{Reach, TlsRules};
use super::schema;
use super::target::Target;
use crate::balance::{LaneTable, LaneTables, fingerprint};
use crate::dialects::openai::Quirks;
use crate::dialects::{Dialect, Operation, climbs};
use crate::secret::Secret;

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One clock a phase.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Connecting, TLS included.
    pub connect: Duration,
    /// From the request's last byte to the answer's headers.
    pub headers: Duration,
    /// Between two reads of a stream.
    pub idle: Duration,
    /// A whole JSON answer, from the attempt's start.
    pub json: Duration,
    /// All attempts together.
    pub deadline: Duration,
}

/// A key of a provider.
pub struct Key {
    /// Stable over changes of configuration.
    pub id: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// The name as a response header.
    pub name_header: HeaderValue,
    /// What is sent; None for an empty key.
    pub credential: Option<HeaderValue>,
    /// What no answer may show; None for a value that is too short to be told from text.
    pub secret: Option<Arc<Secret>>,
    /// Its share among the provider's keys.
    pub weight: f64,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// The models it may serve.
    pub models: Vec<Box<str>>,
    /// What its lanes have been through.
    pub lanes: Arc<LaneTable>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Key {
    /// Whether it may serve `model`.
    pub fn serves(&self, model: &str) -> bool {
        self.models.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => model.starts_with(prefix),
            None => **pattern == *model,
        })
    }

    /// Whether it names `model` itself, and not by a pattern.
    pub fn lists(&self, model: &str) -> bool {
        self.enabled && self.models.iter().any(|name| **name == *model)
    }

    /// Tells a changed value from the one before.
    pub(super) fn fingerprint(&self) -> u64 {
        fingerprint(self.credential.as_ref().map_or(&[], |credential| credential.as_bytes()))
    }

    /// Whether it may be drawn.
    pub fn is_usable(&self) -> bool {
        self.enabled && self.weight > 0.0
    }
}

/// A provider, everything resolved.
#[derive(Debug)]
pub struct Provider {
    /// Its name in configuration, in logs and in `provider/model`.
    pub name: Box<str>,
    /// The name as a response header.
    pub name_header: HeaderValue,
    /// The adapter it was described by.
    pub kind: Box<str>,
    /// What it speaks.
    pub dialect: Dialect,
    /// Where connections lead.
    pub target: Arc<Target>,
    /// The Host header.
    pub host_header: HeaderValue,
    /// The header that carries the key.
    pub auth_header: HeaderName,
    /// Sent with every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Families of client headers that only some providers may see, and this one may.
    pub forward_headers: Vec<Box<str>>,
    /// What it understands differently in a chat completion.
    pub quirks: Option<Quirks>,
    /// Clocks.
    pub timeouts: Timeouts,
    /// Whether somebody gave it a key or an entry.
    pub configured: bool,
    /// Ways to add a key.
    pub key_hint: Box<str>,
    /// Its keys.
    pub keys: Vec<Key>,
    scheme: Scheme,
    authority: Authority,
    prefix: Box<str>,
    templates: Vec<(Box<str>, Box<str>)>,
    query: Box<str>,
    /// The addresses that do not depend on a request: those of operations with one path, without a model in it.
    fixed: Vec<(Operation, Uri)>,
}

impl Provider {
    pub(super) fn compile(wire: schema::Provider, lanes: &mut LaneTables) -> Result<Self, String> {
        let name = wire.name;
        let at = |what: &str, why: &dyn fmt::Display| format!("provider {name}: {what}: {why}");
        let base: Uri = wire.base_url.parse().map_err(|error| at("base_url", &error))?;
        let tls = match base.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(at("base_url", &"must start with http:// or https://")),
        };
        let authority = base.authority().cloned().ok_or_else(|| at("base_url", &"has no host"))?;
        if authority.as_str().contains('@') {
            return Err(at("base_url", &"must not hold a user name or password"));
        }
        if base.query().is_some() {
            return Err(at("base_url", &"must not hold a query; use `query`"));
        }
        let mut headers = Vec::with_capacity(wire.headers.len());
        for (header, value) in &wire.headers {
            let header: HeaderName = header.parse().map_err(|error| at("headers", &error))?;
            headers.push((header, value.parse().map_err(|error| at("headers", &error))?));
        }
        let told = credentials(&wire.headers, &wire.query);
        let mut keys = Vec::with_capacity(wire.keys.len());
        for key in wire.keys {
            keys.push(compile_key(key, &wire.auth.prefix, &told, lanes).map_err(|error| at("keys", &error))?);
        }
        if wire.keyless && wire.configured && keys.is_empty() {
            keys.push(keyless(&name, &told, lanes).map_err(|error| at("keys", &error))?);
        }
        if !wire.templates.contains_key("*") {
            return Err(at("templates", &"the default * is missing"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').into();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let mut provider = Self {
            name_header: header_text(&name),
            host_header: HeaderValue::from_str(authority.as_str()).map_err(|error| at("base_url", &error))?,
            auth_header: wire.auth.header.parse().map_err(|error| at("auth.header", &error))?,
            target: Arc::new(Target {
                tls,
                host,
                port,
                http2: wire.http2 == schema::Http2::Auto,
                rules: if tls { TlsRules::compile(wire.tls) } else { TlsRules::default() },
                reach: Reach::compile(wire.reach).map_err(|error| at("addresses", &error))?,
            }),
            headers,
            forward_headers: wire.forward_headers.into_iter().map(Into::into).collect(),
            quirks: compile_quirks(wire.quirks).map_err(|error| at("quirks", &error))?,
            timeouts: compile_timeouts(wire.timeouts),
            configured: wire.configured,
            key_hint: wire.key_hint.into(),
            keys,
            scheme: if tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority,
            prefix: base.path().trim_end_matches('/').into(),
            templates: wire.templates.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            query: wire.query.into(),
            fixed: Vec::new(),
            kind: wire.kind.into(),
            dialect: match wire.dialect {
                schema::Dialect::Openai => Dialect::OpenAi,
                schema::Dialect::Anthropic => Dialect::Anthropic,
            },
            name: name.into(),
        };
        provider.fixed = provider.fixed_addresses();
        Ok(provider)
    }

    fn fixed_addresses(&self) -> Vec<(Operation, Uri)> {
        let operations =
            Operation::ALL.into_iter().filter(|&operation| !self.template(operation).contains("{model}"));
        operations
            .filter_map(|operation| Some((operation, self.address(operation, operation.path()?, None, "")?)))
            .collect()
    }

    fn template(&self, operation: Operation) -> &str {
        let find =
            |wanted: &str| self.templates.iter().find(|(key, _)| **key == *wanted).map(|(_, value)| &**value);
        find(operation.name()).or_else(|| find("*")).unwrap_or("/{path}")
    }

    /// The address of a request: `rest` is the client's path behind `/v1/`, `query` the client's, as it came.
    ///
    /// None where the parts do not make a valid address, which only a client's path or model can cause: a model that
    /// stands in the path must not lead out of it.
    pub fn uri(&self, operation: Operation, rest: &str, query: Option<&str>, model: &str) -> Option<Uri> {
        if query.is_none_or(str::is_empty)
            && operation.path() == Some(rest)
            && let Some((_, uri)) = self.fixed.iter().find(|(known, _)| *known == operation)
        {
            return Some(uri.clone());
        }
        self.address(operation, rest, query, model)
    }

    fn address(&self, operation: Operation, rest: &str, query: Option<&str>, model: &str) -> Option<Uri> {
        let template = self.template(operation);
        if template.contains("{model}") && climbs(model) {
            return None;
        }
        let mut path = String::with_capacity(self.prefix.len() + template.len() + rest.len() + 32);
        path.push_str(&self.prefix);
        expand(&mut path, template, rest, model);
        let mut separator = '?';
        for part in [&*self.query, query.unwrap_or_default()] {
            if !part.is_empty() {
                path.push(separator);
                path.push_str(part);
                separator = '&';
            }
        }
        let path = PathAndQuery::try_from(path).ok()?;
        let parts = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        parts.path_and_query(path).build().ok()
    }

    /// The first enabled key: the stable one for things that the provider stores.
    pub fn stable_key(&self) -> Option<usize> {
        self.keys.iter().position(|key| key.enabled)
    }
}

fn expand(out: &mut String, template: &str, rest: &str, model: &str) {
    let mut left = template;
    while let Some(open) = left.find('{') {
        out.push_str(&left[..open]);
        left = &left[open..];
        if let Some(after) = left.strip_prefix("{path}") {
            out.push_str(rest);
            left = after;
        } else if let Some(after) = left.strip_prefix("{model}") {
            out.extend(utf8_percent_encode(model, SEGMENT));
            left = after;
        } else {
            out.push('{');
            left = &left[1..];
        }
    }
    out.push_str(left);
}

fn compile_quirks(wire: schema::Quirks) -> Result<Option<Quirks>, String> {
    let required = wire.required.into_iter().map(|(name, value)| (name, value.get().to_owned()));
    Quirks::new(wire.rename, wire.unsupported, required)
}

fn compile_timeouts(wire: schema::Timeouts) -> Timeouts {
    Timeouts {
        connect: Duration::from_millis(wire.connect_ms),
        headers: Duration::from_millis(wire.headers_ms),
        idle: Duration::from_millis(wire.idle_ms),
        json: Duration::from_millis(wire.json_ms),
        deadline: Duration::from_millis(wire.deadline_ms),
    }
}

/// What the headers and the query of a provider hold beside its key, in the forms in which they are sent.
fn credentials(headers: &BTreeMap<String, String>, query: &str) -> Vec<String> {
    let mut found = Vec::new();
    for value in headers.iter().filter(|(name, _)| Secret::is_named(name)).map(|(_, value)| value) {
        found.push(value.clone());
        found.extend(value.split_once(' ').map(|(_scheme, rest)| rest.to_owned()));
    }
    for (_, value) in
        query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| Secret::is_named(name))
    {
        found.push(value.to_owned());
        found.extend(percent_decode_str(value).decode_utf8().ok().map(Into::into));
    }
    found
}

fn compile_key(
    key: schema::Key,
    prefix: &str,
    told: &[String],
    lanes: &mut LaneTables,
) -> Result<Key, String> {
    let credential = if key.value.is_empty() {
        None
    } else {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.value))
            .map_err(|_| format!("{}: the value holds characters that no header can", key.name))?;
        value.set_sensitive(true);
        Some(value)
    };
    if !key.weight.is_finite() || key.weight < 0.0 {
        return Err(format!("{}: the weight must be a number from 0", key.name));
    }
    Ok(Key {
        lanes: lanes.table(&key.id),
        id: key.id.into(),
        name_header: header_text(&key.name),
        name: key.name.into(),
        credential,
        secret: Secret::of(told.iter().map(String::as_str).chain([&*key.value])).map(Arc::new),
        weight: key.weight,
        enabled: key.enabled,
        models: key.models.into_iter().map(Into::into).collect(),
    })
}

/// The one key of a provider that asks for none.
fn keyless(provider: &str, told: &[String], lanes: &mut LaneTables) -> Result<Key, String> {
    let key = schema::Key {
        id: format!("keyless:{provider}"),
        name: "none".to_owned(),
        value: String::new(),
        weight: 1.0,
        models: vec!["*".to_owned()],
        enabled: true,
    };
    compile_key(key, "", told, lanes)
}

/// A name as a header value; what a header cannot hold is percent-encoded.
fn header_text(name: &str) -> HeaderValue {
    HeaderValue::from_str(name).unwrap_or_else(|_| {
        let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
        HeaderValue::try_from(encoded).unwrap_or(HeaderValue::from_static("?"))
    })
}
