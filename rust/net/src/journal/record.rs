//! The record of one request: what the log shows of it.
//!
//! One generic struct serves both ends. The request path fills a [`RecordRef`] with borrowed texts, so nothing is
//! allocated for a field; the reader decodes the same bytes into a [`Record`] that owns them. The bytes are a
//! version, the [`Place`] of the payload, and then postcard, which stores fields by position: a change of the fields
//! is a new [`VERSION`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::payload::{Kept, Place};

/// The version of the encoded fields, the first byte of every record.
const VERSION: u8 = 3;
/// The same without what the hooks and the semantic cache say.
const VERSION_WITHOUT_HOOKS: u8 = 2;
/// The same without a place.
const VERSION_WITHOUT_PLACE: u8 = 1;
/// Where a record is too large to write, texts are cut to this many bytes.
const TEXT_LIMIT: usize = 1024;
/// Where a record is too large to write, a JSON column above this many bytes becomes null: half of it is no JSON.
const JSON_LIMIT: usize = 16 * 1024;

/// The names of the columns, in the order of [`Row::columns`].
pub const COLUMNS: [&str; 39] = [
    "request_id",
    "started_ms",
    "door",
    "tenant",
    "gateway_key",
    "operation",
    "path",
    "model",
    "provider",
    "upstream_model",
    "key_id",
    "key_name",
    "status",
    "outcome",
    "error",
    "stream",
    "cache",
    "attempts",
    "attempts_json",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "finish_reason",
    "duration_us",
    "ttft_us",
    "overhead_us",
    "queue_us",
    "upstream_us",
    "request_bytes",
    "response_bytes",
    "client_request_id",
    "tags",
    "similarity",
    "veto",
    "hooks",
    "payload",
    "payload_segment",
    "payload_offset",
    "payload_bytes",
];

/// One request, with its texts borrowed (`&str`) or owned (`Box<str>`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row<T> {
    /// The gateway's own id of the request: a ULID, so ordered by time.
    pub request_id: T,
    /// When the request arrived, in milliseconds of Unix time.
    pub started_ms: u64,
    /// `native`, `uvicorn` or `python`.
    pub door: T,
    /// Whose request it was.
    pub tenant: T,
    /// The id of the gateway key, or empty.
    pub gateway_key: T,
    /// What was asked for, such as `chat`.
    pub operation: T,
    /// The path as it was called.
    pub path: T,
    /// The model as it was asked for.
    pub model: T,
    /// The provider that answered last.
    pub provider: T,
    /// The model as that provider was asked for it.
    pub upstream_model: T,
    /// The id of the provider key.
    pub key_id: T,
    /// The name of the provider key.
    pub key_name: T,
    /// The status that the client got; 499 when it left before the headers.
    pub status: u16,
    /// `ok`, `error`, `cut` or `cancelled`.
    pub outcome: T,
    /// The stable identifier of the error.
    pub error: Option<T>,
    /// Whether the answer was a stream.
    pub stream: bool,
    /// What the cache did.
    pub cache: T,
    /// How many attempts were made.
    pub attempts: u32,
    /// The attempts as a JSON list, where there was more than one or it failed.
    pub attempts_json: Option<T>,
    /// Tokens of the prompt.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer.
    pub output_tokens: Option<u64>,
    /// Tokens of the prompt that the provider had cached.
    pub cached_tokens: Option<u64>,
    /// Why the model stopped.
    pub finish_reason: Option<T>,
    /// From the first byte in to the last byte out, in microseconds.
    pub duration_us: u64,
    /// From the first byte in to the first content out, in microseconds.
    pub ttft_us: Option<u64>,
    /// The gateway's own share of the duration, in microseconds.
    pub overhead_us: u64,
    /// Waiting for a turn, in microseconds.
    pub queue_us: u64,
    /// The provider's share of the duration, in microseconds.
    pub upstream_us: Option<u64>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// The client's own `x-request-id`.
    pub client_request_id: Option<T>,
    /// The client's tags, a JSON object.
    pub tags: Option<T>,
    /// How near the nearest question was that has an answer.
    pub similarity: Option<f32>,
    /// Why that answer was not served.
    pub veto: Option<T>,
    /// What hooks did, a JSON list.
    pub hooks: Option<T>,
    /// Where its bodies are.
    #[serde(skip)]
    pub payload: Place,
}

/// A row that borrows its texts: what the request path fills in.
pub type RecordRef<'a> = Row<&'a str>;

/// A row that owns its texts: what the reader returns.
pub type Record = Row<Box<str>>;

/// One column of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Nothing known.
    Null,
    /// A number; truth is 0 or 1.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(&'a str),
}

impl<T: AsRef<str>> Row<T> {
    /// The values of all columns, in the order of [`COLUMNS`].
    pub fn columns(&self) -> [Value<'_>; COLUMNS.len()] {
        [
            text(&self.request_id),
            int(self.started_ms),
            text(&self.door),
            text(&self.tenant),
            text(&self.gateway_key),
            text(&self.operation),
            text(&self.path),
            text(&self.model),
            text(&self.provider),
            text(&self.upstream_model),
            text(&self.key_id),
            text(&self.key_name),
            int(self.status),
            text(&self.outcome),
            self.error.as_ref().map_or(Value::Null, text),
            int(u8::from(self.stream)),
            text(&self.cache),
            int(self.attempts),
            self.attempts_json.as_ref().map_or(Value::Null, text),
            self.input_tokens.map_or(Value::Null, int),
            self.output_tokens.map_or(Value::Null, int),
            self.cached_tokens.map_or(Value::Null, int),
            self.finish_reason.as_ref().map_or(Value::Null, text),
            int(self.duration_us),
            self.ttft_us.map_or(Value::Null, int),
            int(self.overhead_us),
            int(self.queue_us),
            self.upstream_us.map_or(Value::Null, int),
            int(self.request_bytes),
            int(self.response_bytes),
            self.client_request_id.as_ref().map_or(Value::Null, text),
            self.tags.as_ref().map_or(Value::Null, text),
            self.similarity.map_or(Value::Null, |similarity| Value::Real(similarity.into())),
            self.veto.as_ref().map_or(Value::Null, text),
            self.hooks.as_ref().map_or(Value::Null, text),
            Value::Text(self.payload.kept.name()),
            self.placed(self.payload.segment),
            self.placed(self.payload.offset),
            self.placed(self.payload.length.into()),
        ]
    }
}

impl<T> Row<T> {
    /// A column of the payload's place, where there is one.
    fn placed(&self, value: u64) -> Value<'static> {
        if self.payload.length == 0 { Value::Null } else { int(value) }
    }
}

impl RecordRef<'_> {
    /// Append the encoded row to `out`, in the buffer that `out` already has. On an error `out` is empty. The place of
    /// a `pending` payload is the writer's to fill in.
    pub(super) fn encode(&self, pending: bool, out: &mut Vec<u8>) -> Result<(), postcard::Error> {
        let mut buffer = std::mem::take(out);
        buffer.push(VERSION);
        buffer.extend_from_slice(&self.payload.encode(pending));
        *out = postcard::to_extend(self, buffer)?;
        Ok(())
    }

    /// The same row, small enough to be written whatever a client sent.
    pub(super) fn shortened(&self) -> Self {
        let json = |column: Option<_>| column.filter(|json: &&str| json.len() <= JSON_LIMIT);
        Self {
            request_id: cut(self.request_id),
            door: cut(self.door),
            tenant: cut(self.tenant),
            gateway_key: cut(self.gateway_key),
            operation: cut(self.operation),
            path: cut(self.path),
            model: cut(self.model),
            provider: cut(self.provider),
            upstream_model: cut(self.upstream_model),
            key_id: cut(self.key_id),
            key_name: cut(self.key_name),
            outcome: cut(self.outcome),
            error: self.error.map(cut),
            cache: cut(self.cache),
            attempts_json: json(self.attempts_json),
            finish_reason: self.finish_reason.map(cut),
            client_request_id: self.client_request_id.map(cut),
            tags: json(self.tags),
            veto: self.veto.map(cut),
            hooks: json(self.hooks),
            ..*self
        }
    }
}

impl Record {
    /// The row of an encoded payload; none where the version is unknown or the bytes are no row.
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let (version, rest) = payload.split_first()?;
        let (place, fields) = match *version {
            VERSION | VERSION_WITHOUT_HOOKS => Place::decode(rest)?,
            VERSION_WITHOUT_PLACE => (Place::none(Kept::Nothing), rest),
            _ => return None,
        };
        let whole: Cow<'_, [u8]> = match *version {
            VERSION => fields.into(),
            // The fields that came later, each with nothing in it.
            _ => [fields, &[0; 3]].concat().into(),
        };
        let (record, rest) = postcard::take_from_bytes::<Self>(&whole).ok()?;
        rest.is_empty().then_some(Self { payload: place, ..record })
    }
}

fn text<T: AsRef<str>>(value: &T) -> Value<'_> {
    Value::Text(value.as_ref())
}

fn int(value: impl TryInto<i64>) -> Value<'static> {
    Value::Int(value.try_into().unwrap_or(i64::MAX))
}

/// The longest prefix of whole characters within [`TEXT_LIMIT`].
fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
