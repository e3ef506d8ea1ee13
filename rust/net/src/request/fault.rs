//! Whose failure an answer is, and what it says about limits.

use std::time::{Duration, Instant};

use ferrogate_core::balance::{Class, Hints, Wall};
use ferrogate_core::dialects::Said;
use http::header::HeaderMap;

use crate::shard::Shard;

/// Names of headers that tell of limits begin so.
const LIMITS: [&str; 8] = [
    "x-ratelimit",
    "x-tokenlimit",
    "ratelimit",
    "anthropic-ratelimit",
    "retry-after",
    "x-ms-retry",
    "x-amz-retry",
    "x-trial",
];

/// More such headers than this are not looked at; no provider sends as many. Cerebras sends 18: three of each for minute,
/// hour and day.
const MOST: usize = 24;

/// What an answer's headers say about limits. Those that do are picked out once, for fifty names are looked for.
pub(super) fn hints(headers: &HeaderMap, shard: &Shard) -> Hints {
    let tells = |name: &str| LIMITS.iter().any(|start| name.starts_with(start));
    let told = headers.iter().filter(|(name, _)| tells(name.as_str()));
    let told = told.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let mut held = [("", ""); MOST];
    let mut count = 0;
    for (place, told) in held.iter_mut().zip(told) {
        *place = told;
        count += 1;
    }
    if count == 0 {
        return Hints::default();
    }
    let wall = Duration::from_millis(shard.clock.unix_ms(Instant::now()));
    let find = |name: &str| held[..count].iter().find(|(held, _)| *held == name).map(|(_, value)| *value);
    Hints::read(find, Wall(wall))
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
