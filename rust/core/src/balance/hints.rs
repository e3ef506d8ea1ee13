//! What a provider says about its limits, in every spelling, as one struct.
//!
//! Sources: OpenAI and Groq send `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` with resets as `6m0s` or `12ms`;
//! Azure the same with whole seconds, and -1 for unknown, beside `retry-after` and `retry-after-ms`; Anthropic
//! `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-*` with RFC 3339 resets; Mistral
//! `x-ratelimitbysize-*-minute` or `x-ratelimit-*-{req,tokens}-minute`; Cohere `x-trial-endpoint-call-*`; `OpenRouter` and
//! others `x-ratelimit-{limit,remaining,reset}` with a Unix time; the IETF draft `ratelimit-*` with seconds; AWS
//! `x-amz-retry-after` in milliseconds; Cerebras `x-ratelimit-*-{requests,tokens}-{minute,day}`; Fireworks
//! `x-ratelimit-{limit,remaining}-tokens-{prompt,generated}`; Together `x-tokenlimit-{limit,remaining,reset}`. Gemini says it in the body (`RetryInfo.retryDelay`, `34.07s`) and Bedrock often
//! nowhere. Parsing the body is the caller's; [`Hints::delay`] reads the value.

use std::time::Duration;

use super::wall::Wall;

/// Limits as they were told; None for what was not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hints {
    /// To wait before the next request.
    pub retry_after: Option<Duration>,
    /// Requests that are left.
    pub requests_remaining: Option<u64>,
    /// Of so many.
    pub requests_limit: Option<u64>,
    /// Until all are there again.
    pub requests_reset: Option<Duration>,
    /// Tokens that are left: of the kind of which the smallest share is.
    pub tokens_remaining: Option<u64>,
    /// Of so many.
    pub tokens_limit: Option<u64>,
    /// Until all are there again.
    pub tokens_reset: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Requests,
    Tokens,
}

#[derive(Clone, Copy)]
enum Field {
    Remaining(Of),
    Limit(Of),
    Reset(Of),
}

const FIELDS: &[(&str, Field)] = &[
    ("x-ratelimit-remaining-requests", Field::Remaining(Of::Requests)),
    ("x-ratelimit-limit-requests", Field::Limit(Of::Requests)),
    ("x-ratelimit-reset-requests", Field::Reset(Of::Requests)),
    ("x-ratelimit-remaining-tokens", Field::Remaining(Of::Tokens)),
    ("x-ratelimit-limit-tokens", Field::Limit(Of::Tokens)),
    ("x-ratelimit-reset-tokens", Field::Reset(Of::Tokens)),
    ("anthropic-ratelimit-requests-remaining", Field::Remaining(Of::Requests)),
    ("anthropic-ratelimit-requests-limit", Field::Limit(Of::Requests)),
    ("anthropic-ratelimit-requests-reset", Field::Reset(Of::Requests)),
    ("anthropic-ratelimit-tokens-remaining", Field::Remaining(Of::Tokens)),
    ("anthropic-ratelimit-tokens-limit", Field::Limit(Of::Tokens)),
    ("anthropic-ratelimit-tokens-reset", Field::Reset(Of::Tokens)),
    ("x-ratelimit-remaining-req-minute", Field::Remaining(Of::Requests)),
    ("x-ratelimit-limit-req-minute", Field::Limit(Of::Requests)),
    ("x-ratelimit-remaining-tokens-minute", Field::Remaining(Of::Tokens)),
    ("x-ratelimit-limit-tokens-minute", Field::Limit(Of::Tokens)),
    ("x-ratelimit-reset-tokens-minute", Field::Reset(Of::Tokens)),
    ("x-ratelimit-remaining-requests-minute", Field::Remaining(Of::Requests)),
    ("x-ratelimit-limit-requests-minute", Field::Limit(Of::Requests)),
    ("x-ratelimit-reset-requests-minute", Field::Reset(Of::Requests)),
    ("x-ratelimit-remaining-requests-day", Field::Remaining(Of::Requests)),
    ("x-ratelimit-limit-requests-day", Field::Limit(Of::Requests)),
    ("x-ratelimit-reset-requests-day", Field::Reset(Of::Requests)),
    ("x-tokenlimit-remaining", Field::Remaining(Of::Tokens)),
    ("x-tokenlimit-limit", Field::Limit(Of::Tokens)),
    ("x-tokenlimit-reset", Field::Reset(Of::Tokens)),
    ("x-ratelimitbysize-remaining-minute", Field::Remaining(Of::Tokens)),
    ("x-ratelimitbysize-limit-minute", Field::Limit(Of::Tokens)),
    ("ratelimitbysize-reset", Field::Reset(Of::Tokens)),
    ("x-trial-endpoint-call-remaining", Field::Remaining(Of::Requests)),
    ("x-trial-endpoint-call-limit", Field::Limit(Of::Requests)),
    ("x-ratelimit-remaining", Field::Remaining(Of::Requests)),
    ("x-ratelimit-limit", Field::Limit(Of::Requests)),
    ("x-ratelimit-reset", Field::Reset(Of::Requests)),
    ("ratelimit-remaining", Field::Remaining(Of::Requests)),
    ("ratelimit-limit", Field::Limit(Of::Requests)),
    ("ratelimit-reset", Field::Reset(Of::Requests)),
];

/// Limits of Anthropic that stand beside the one over all tokens, and those of Fireworks, which has none over all.
const PARTS: [[&str; 3]; 4] = [
    [
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-reset",
    ],
    [
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-reset",
    ],
    ["x-ratelimit-remaining-tokens-prompt", "x-ratelimit-limit-tokens-prompt", ""],
    ["x-ratelimit-remaining-tokens-generated", "x-ratelimit-limit-tokens-generated", ""],
];

impl Hints {
    /// Reads headers through `header`, which is asked for lower-case names. `now` is the wall clock, for dates.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>, now: Wall) -> Self {
        let mut hints = Self { retry_after: retry_after(&header, now), ..Self::default() };
        for (name, field) in FIELDS {
            let Some(value) = header(name) else { continue };
            match *field {
                Field::Remaining(Of::Requests) => keep(&mut hints.requests_remaining, count(value)),
                Field::Limit(Of::Requests) => keep(&mut hints.requests_limit, count(value)),
                Field::Reset(Of::Requests) => keep(&mut hints.requests_reset, Self::reset(value, now)),
                Field::Remaining(Of::Tokens) => keep(&mut hints.tokens_remaining, count(value)),
                Field::Limit(Of::Tokens) => keep(&mut hints.tokens_limit, count(value)),
                Field::Reset(Of::Tokens) => keep(&mut hints.tokens_reset, Self::reset(value, now)),
            }
        }
        for [remaining, limit, reset] in PARTS {
            let part = (header(remaining).and_then(count), header(limit).and_then(count));
            if let (Some(left), Some(of)) = part
                && share(Some(left), Some(of)) < share(hints.tokens_remaining, hints.tokens_limit)
            {
                hints.tokens_remaining = Some(left);
                hints.tokens_limit = Some(of);
                hints.tokens_reset = header(reset).and_then(|value| Self::reset(value, now));
            }
        }
        hints
    }

    /// A wait that a body told: `34.07s`, `3600s`, `12ms`, `6m0s`, or seconds.
    pub fn delay(text: &str) -> Option<Duration> {
        let text = text.trim();
        seconds(text).or_else(|| spelled(text))
    }

    /// The smallest share that is left of any limit; 1 where none was told.
    pub fn headroom(&self) -> f64 {
        share(self.requests_remaining, self.requests_limit)
            .min(share(self.tokens_remaining, self.tokens_limit))
            .clamp(0.0, 1.0)
    }

    /// How long nothing will be let in, where that was told: `retry_after`, else a limit that is used up.
    ///
    /// A reset says when all is there again. Of a limit that refills steadily one request is there after one part of it;
    /// a tenth of the tokens is enough for most requests.
    pub fn wait(&self) -> Option<Duration> {
        if self.retry_after.is_some() {
            return self.retry_after;
        }
        let requests = match (self.requests_remaining, self.requests_reset) {
            (Some(0), Some(reset)) => Some(reset / part(self.requests_limit)),
            _ => None,
        };
        let tokens = match (self.tokens_remaining, self.tokens_reset) {
            (Some(0), Some(reset)) => Some(reset / 10),
            _ => None,
        };
        requests.max(tokens)
    }

    /// Seconds, a spelled duration, a Unix time, or RFC 3339.
    fn reset(value: &str, now: Wall) -> Option<Duration> {
        let value = value.trim();
        match seconds(value) {
            Some(told) => Some(now.until_unix(told).unwrap_or(told)),
            None => spelled(value).or_else(|| now.until_rfc3339(value)),
        }
    }
}

fn part(limit: Option<u64>) -> u32 {
    u32::try_from(limit.unwrap_or(1)).unwrap_or(u32::MAX).max(1)
}

fn keep<T>(held: &mut Option<T>, told: Option<T>) {
    if held.is_none() {
        *held = told;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(left: Option<u64>, of: Option<u64>) -> f64 {
    match (left, of) {
        (Some(left), Some(of)) if of > 0 => left as f64 / of as f64,
        _ => 1.0,
    }
}

/// Azure says -1 where it does not know; some send `100, 100;w=60`.
fn count(value: &str) -> Option<u64> {
    let value = value.split([',', ';']).next().unwrap_or_default().trim();
    value.parse().ok().or_else(|| value.split('.').next().and_then(|whole| whole.parse().ok()))
}

fn retry_after<'a>(header: &impl Fn(&str) -> Option<&'a str>, now: Wall) -> Option<Duration> {
    let millis = |name| header(name).and_then(|value| seconds(value.trim())).map(|told| told / 1000);
    if let Some(told) = millis("retry-after-ms").or_else(|| millis("x-ms-retry-after-ms")) {
        return Some(told);
    }
    let told = header("retry-after").map(str::trim);
    told.and_then(|value| seconds(value).or_else(|| now.until_http_date(value)).or_else(|| spelled(value)))
        .or_else(|| millis("x-amz-retry-after"))
}

/// A plain number of seconds, from 0.
fn seconds(value: &str) -> Option<Duration> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parsed: f64 = value.parse().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(parsed).ok()
}

/// `1h2m3.5s`, `12ms`, `1d`.
fn spelled(value: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut left = value;
    while !left.is_empty() {
        let digits = left.find(|at: char| !at.is_ascii_digit() && at != '.')?;
        let unit = left[digits..].find(|at: char| at.is_ascii_digit()).map_or(left.len(), |at| digits + at);
        let seconds_a_unit = match &left[digits..unit] {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let number: f64 = left[..digits].parse().ok()?;
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds_a_unit).ok()?)?;
        left = &left[unit..];
    }
    (!value.is_empty()).then_some(total)
}

#[cfg(test)]
#[path = "hints_tests.rs"]
mod tests;
