//! What one request meets: its headers over its key's script over the start options.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use http::HeaderMap;

use crate::keys::{KeyScript, KeyScripts};
use crate::route;
use crate::script::Script;

/// What a failure of a key's error rate is where its script names no status.
const FAILURE: u16 = 500;

/// The state of a key's rate limit after this request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) per_second: f64,
    /// Requests that may still follow at once.
    pub(crate) left: f64,
    /// How long to stay away, where this request was one too many.
    pub(crate) wait: Option<Duration>,
}

/// All that was scripted for one request.
#[derive(Debug)]
pub(crate) struct Behaviour<'a> {
    pub(crate) script: Cow<'a, Script>,
    /// The status to answer with; an error rate has been decided.
    pub(crate) status: Option<u16>,
    pub(crate) limit: Option<Limit>,
}

impl<'a> Behaviour<'a> {
    /// The error says what is wrong with the headers.
    pub(crate) fn of(base: &'a Script, keys: &KeyScripts, headers: &HeaderMap) -> Result<Self, String> {
        let asked = Script::from_headers(headers)?;
        let key = route::api_key(headers).and_then(|key| keys.get(key));
        let Some(key) = key.as_deref() else {
            let script = asked.map_or(Cow::Borrowed(base), |asked| Cow::Owned(asked.over(base)));
            return Ok(Self { status: script.status, script, limit: None });
        };
        let limit = limit(key);
        let keyed = key.script.clone().over(base);
        // Under an error rate the key's status is that of its failures; a header's status always counts.
        let asked_status = asked.as_ref().and_then(|asked| asked.status);
        let status = asked_status.or_else(|| match key.script.error_rate {
            Some(_) => key.fails().then(|| keyed.status.unwrap_or(FAILURE)),
            None => keyed.status,
        });
        let script = asked.map_or(keyed.clone(), |asked| asked.over(&keyed));
        Ok(Self { script: Cow::Owned(script), status, limit })
    }

    /// Whether the rate limit refuses this request.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some_and(|limit| limit.wait.is_some())
    }
}

fn limit(key: &KeyScript) -> Option<Limit> {
    let per_second = key.script.rate_limit_rps?;
    Some(match key.admit(Instant::now())? {
        Ok(left) => Limit { per_second, left, wait: None },
        Err(wait) => Limit { per_second, left: 0.0, wait: Some(wait) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect::<HeaderMap<_>>()
    }

    #[test]
    fn the_nearest_layer_wins() {
        let (mut base, keys) = (Script::default(), KeyScripts::default());
        base.set("ttft-ms", "1").unwrap();
        base.set("chunks", "2").unwrap();
        keys.put("k", br#"{"chunks": 3, "chunk-bytes": 30}"#).unwrap();
        let headers = headers(&[("api-key", "k"), ("x-mock-chunk-bytes", "40")]);
        let script = Behaviour::of(&base, &keys, &headers).unwrap().script;
        assert_eq!((script.ttft_ms, script.chunks, script.chunk_bytes), (Some(1.0), Some(3), Some(40)));
    }

    #[test]
    fn nothing_scripted_copies_nothing() {
        let (base, keys) = (Script::default(), KeyScripts::default());
        let behaviour = Behaviour::of(&base, &keys, &headers(&[("api-key", "k")])).unwrap();
        assert!(matches!(behaviour.script, Cow::Borrowed(_)));
        assert!(!behaviour.is_limited());
    }

    #[test]
    fn a_request_over_the_limit_does_not_count_as_a_failure_of_the_rate() {
        let (base, keys) = (Script::default(), KeyScripts::default());
        keys.put("k", br#"{"rate_limit_rps": 0.001, "error_rate": 1}"#).unwrap();
        let headers = headers(&[("api-key", "k")]);
        let first = Behaviour::of(&base, &keys, &headers).unwrap();
        assert_eq!((first.status, first.is_limited()), (Some(500), false));
        assert!(Behaviour::of(&base, &keys, &headers).unwrap().is_limited());
    }
}
