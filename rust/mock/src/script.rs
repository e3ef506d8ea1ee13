//! What a request is told to do: one vocabulary for headers (`x-mock-NAME`), key scripts (JSON) and start options.
//!
//! | name | value | effect |
//! |---|---|---|
//! | `status` | 200–599 | answer with it; from 300 on with a body in the dialect's error shape |
//! | `delay-ms` (`latency-ms`) | ms | wait before the answer |
//! | `ttft-ms` | ms | wait between the headers and the first event of a stream |
//! | `ttft-spread` | 0–3 | deviation of that wait's logarithm: each request draws its own, with the wait as the median |
//! | `chunk-ms` | ms | wait between content events; above 0 one write an event |
//! | `tokens-per-second` | number | pace where `chunk-ms` is 0 |
//! | `chunks` | count | content events in a stream |
//! | `batch` | count | content events of a paced stream that leave in one write, at the pace of the first of them |
//! | `chunk-bytes` | bytes | aimed size of one content event |
//! | `body-kb` | KiB | size of the answer's text |
//! | `cut-after` | count | after so many content events, half an event, then the connection closes; a whole answer stops half-way |
//! | `error-after` | count | after so many content events, an error event ends the stream |
//! | `error-body` | text | what an answer with a failing `status` holds, where a provider has a shape of its own |
//! | `retry-after` | text | sent as `retry-after` |
//! | `usage` | `in,out[,cached]` | token counts |
//! | `no-usage` | flag | no token counts |
//! | `garbage` | flag | status 200 and JSON that does not parse |
//! | `hang` | flag | no answer |
//! | `close` | flag | the connection closes before any byte of an answer |
//! | `reset` | flag | the same by TCP RST |
//! | `error-rate` | 0–1 | key scripts only: this share of requests fails with `status` (500 where unset) |
//! | `rate-limit-rps` | number | key scripts only: 429 above so many requests a second |
//! | `limit-silent` | flag | with it: no header tells of the limit, or when to come back |
//!
//! A count of 0 acts before the first event. Underscores are as good as dashes.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

/// Longest wait that can be asked for.
const DAY_MS: f64 = 86_400_000.0;

/// Token counts that a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Tokens of the prompt that came from the provider's cache.
    pub cached: u64,
}

/// One layer of behaviour; what is `None` is left to the layer below.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) status: Option<u16>,
    pub(crate) delay_ms: Option<f64>,
    pub(crate) ttft_ms: Option<f64>,
    pub(crate) ttft_spread: Option<f64>,
    pub(crate) chunk_ms: Option<f64>,
    pub(crate) tokens_per_second: Option<f64>,
    pub(crate) chunks: Option<u32>,
    pub(crate) batch: Option<u32>,
    pub(crate) chunk_bytes: Option<u32>,
    pub(crate) body_kb: Option<f64>,
    pub(crate) cut_after: Option<u32>,
    pub(crate) error_after: Option<u32>,
    pub(crate) error_body: Option<Bytes>,
    pub(crate) retry_after: Option<HeaderValue>,
    pub(crate) usage: Option<Usage>,
    pub(crate) no_usage: Option<bool>,
    pub(crate) garbage: Option<bool>,
    pub(crate) hang: Option<bool>,
    pub(crate) close: Option<bool>,
    pub(crate) reset: Option<bool>,
    pub(crate) error_rate: Option<f64>,
    pub(crate) rate_limit_rps: Option<f64>,
    pub(crate) limit_silent: Option<bool>,
}

impl Script {
    /// Sets one value by its dashed name; the error names what is wrong.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let value = value.trim();
        let ms = || number(name, value, 0.0, DAY_MS).map(Some);
        let count = || value.parse().map(Some).map_err(|_| format!("{name}: {value:?} is not a count"));
        match name {
            "status" => self.status = Some(status(value)?),
            "delay-ms" | "latency-ms" => self.delay_ms = ms()?,
            "ttft-ms" => self.ttft_ms = ms()?,
            "ttft-spread" => self.ttft_spread = Some(number(name, value, 0.0, 3.0)?),
            "chunk-ms" => self.chunk_ms = ms()?,
            "tokens-per-second" => self.tokens_per_second = Some(number(name, value, 0.0, 1e9)?),
            "chunks" => self.chunks = count()?,
            "batch" => self.batch = count()?,
            "chunk-bytes" => self.chunk_bytes = count()?,
            "body-kb" => self.body_kb = Some(number(name, value, 0.0, 65_536.0)?),
            "cut-after" => self.cut_after = count()?,
            "error-after" => self.error_after = count()?,
            "error-body" => self.error_body = Some(Bytes::copy_from_slice(value.as_bytes())),
            "retry-after" => {
                let header =
                    HeaderValue::from_str(value).map_err(|_| format!("{name}: not a header value"))?;
                self.retry_after = Some(header);
            }
            "usage" => self.usage = Some(usage(value)?),
            "no-usage" => self.no_usage = Some(flag(name, value)?),
            "garbage" => self.garbage = Some(flag(name, value)?),
            "hang" => self.hang = Some(flag(name, value)?),
            "close" => self.close = Some(flag(name, value)?),
            "reset" => self.reset = Some(flag(name, value)?),
            "error-rate" => self.error_rate = Some(number(name, value, 0.0, 1.0)?),
            "rate-limit-rps" => self.rate_limit_rps = Some(number(name, value, f64::MIN_POSITIVE, 1e9)?),
            "limit-silent" => self.limit_silent = Some(flag(name, value)?),
            _ => return Err(format!("{name}: no such behaviour")),
        }
        Ok(())
    }

    /// The `x-mock-*` headers; `None` where there are none, which is the fast path.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, String> {
        let mut script = None;
        for (name, value) in headers {
            let Some(name) = name.as_str().strip_prefix("x-mock-") else { continue };
            if matches!(name, "error-rate" | "rate-limit-rps") {
                return Err(format!("{name}: belongs in a key's script, not in a header"));
            }
            let value = value.to_str().map_err(|_| format!("{name}: not text"))?;
            script.get_or_insert_with(Self::default).set(name, value)?;
        }
        Ok(script)
    }

    /// A document's members; null leaves a value unset.
    pub(crate) fn from_json(members: &Map<String, Value>) -> Result<Self, String> {
        let mut script = Self::default();
        for (name, value) in members {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
                other => other.to_string(),
            };
            script.set(&name.replace('_', "-"), &text)?;
        }
        Ok(script)
    }

    /// This layer over a lower one.
    pub(crate) fn over(self, lower: &Self) -> Self {
        Self {
            status: self.status.or(lower.status),
            delay_ms: self.delay_ms.or(lower.delay_ms),
            ttft_ms: self.ttft_ms.or(lower.ttft_ms),
            ttft_spread: self.ttft_spread.or(lower.ttft_spread),
            chunk_ms: self.chunk_ms.or(lower.chunk_ms),
            tokens_per_second: self.tokens_per_second.or(lower.tokens_per_second),
            chunks: self.chunks.or(lower.chunks),
            batch: self.batch.or(lower.batch),
            chunk_bytes: self.chunk_bytes.or(lower.chunk_bytes),
            body_kb: self.body_kb.or(lower.body_kb),
            cut_after: self.cut_after.or(lower.cut_after),
            error_after: self.error_after.or(lower.error_after),
            error_body: self.error_body.or_else(|| lower.error_body.clone()),
            retry_after: self.retry_after.or_else(|| lower.retry_after.clone()),
            usage: self.usage.or(lower.usage),
            no_usage: self.no_usage.or(lower.no_usage),
            garbage: self.garbage.or(lower.garbage),
            hang: self.hang.or(lower.hang),
            close: self.close.or(lower.close),
            reset: self.reset.or(lower.reset),
            error_rate: self.error_rate.or(lower.error_rate),
            rate_limit_rps: self.rate_limit_rps.or(lower.rate_limit_rps),
            limit_silent: self.limit_silent.or(lower.limit_silent),
        }
    }

    /// Wait between two content events of an answer of `tokens` tokens in `chunks` events.
    pub(crate) fn pace(&self, tokens: u64, chunks: u32) -> Duration {
        match (self.chunk_ms.filter(|ms| *ms > 0.0), self.tokens_per_second.filter(|rate| *rate > 0.0)) {
            (Some(ms), _) => milliseconds(ms),
            (None, Some(rate)) => generation(tokens, rate) / chunks.max(1),
            (None, None) => Duration::ZERO,
        }
    }

    /// Wait before an answer of `tokens` tokens that is sent in one piece (0 for a stream).
    pub(crate) fn delay(&self, tokens: u64) -> Duration {
        let rate = self.tokens_per_second.filter(|rate| *rate > 0.0);
        milliseconds(self.delay_ms.unwrap_or(0.0))
            + rate.map_or(Duration::ZERO, |rate| generation(tokens, rate))
    }

    /// Wait between the headers and the first event of request `id`, from which its luck comes.
    pub(crate) fn first_event(&self, id: u64) -> Duration {
        let luck = self.ttft_spread.map_or(1.0, |spread| (spread * normal(id)).exp());
        milliseconds((self.ttft_ms.unwrap_or(0.0) * luck).min(DAY_MS))
    }
}

/// A draw of the standard normal distribution that `seed` settles (Box and Muller).
fn normal(seed: u64) -> f64 {
    let (radius, angle) = (uniform(seed), uniform(!seed));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// Above 0 and at most 1, from the mixer of `SplitMix64`.
fn uniform(seed: u64) -> f64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX);
    (f64::from(high) + 1.0) / 4_294_967_296.0
}

fn milliseconds(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

fn generation(tokens: u64, per_second: f64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a token count is far below 2^52")]
    let seconds = tokens as f64 / per_second;
    Duration::from_secs_f64(seconds.min(DAY_MS / 1e3))
}

fn number(name: &str, value: &str, low: f64, high: f64) -> Result<f64, String> {
    let parsed = value.parse::<f64>().ok().filter(|n| (low..=high).contains(n));
    parsed.ok_or_else(|| format!("{name}: {value:?} is not a number between {low} and {high}"))
}

fn status(value: &str) -> Result<u16, String> {
    let parsed = value.parse().ok().filter(|code| (200..600).contains(code));
    parsed.ok_or_else(|| format!("status: {value:?} is not a status between 200 and 599"))
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("{name}: {value:?} is neither true nor false")),
    }
}

fn usage(value: &str) -> Result<Usage, String> {
    let counts: Result<Vec<u64>, _> = value.split(',').map(|part| part.trim().parse()).collect();
    match counts.as_deref() {
        Ok([input, output]) => Ok(Usage { input: *input, output: *output, cached: 0 }),
        Ok([input, output, cached]) => Ok(Usage { input: *input, output: *output, cached: *cached }),
        _ => Err(format!("usage: {value:?} is not `input,output` or `input,output,cached`")),
    }
}

#[cfg(test)]
mod tests;
