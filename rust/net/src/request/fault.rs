//! Whose failure an answer is, and what it says about limits.

use std::time::Instant;

use ferrogate_core::balance::{Class, Hints, Wall};
use ferrogate_core::dialects::Said;
use http::header::HeaderMap;

use crate::shard::Shard;

/// Names of headers that tell of limits begin so.
const LIMITS: [&str; 7] = [
    "x-ratelimit",
    "ratelimit",
    "anthropic-ratelimit",
    "retry-after",
    "x-ms-retry",
    "x-amz-retry",
    "x-trial",
];

/// What an answer's headers say about limits; most say nothing.
pub(super) fn hints(headers: &HeaderMap, shard: &Shard) -> Hints {
    let tells = |name: &str| LIMITS.iter().any(|start| name.starts_with(start));
    if !headers.keys().any(|name| tells(name.as_str())) {
        return Hints::default();
    }
    let wall = std::time::Duration::from_millis(shard.clock.unix_ms(Instant::now()));
    Hints::read(|name| headers.get(name).and_then(|value| value.to_str().ok()), Wall(wall))
}

/// The class of a refused request. What is no inference says nothing about the key: it may be about one stored thing.
pub(super) fn class(status: u16, body: Option<&[u8]>, is_inference: bool, hints: &mut Hints) -> Class {
    let said = body.map(Said::read).unwrap_or_default();
    if hints.retry_after.is_none() {
        hints.retry_after = said.delay.as_deref().and_then(Hints::delay);
    }
    match Class::of_answer(status, said.codes.iter().map(|code| &**code)) {
        Class::Key if !is_inference => Class::Client,
        class => class,
    }
}
