//! Scripts of API keys, and what they remember between requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::script::Script;

/// The script of one API key and what it has to remember between requests.
#[derive(Debug)]
pub(crate) struct KeyScript {
    pub(crate) script: Script,
    requests: AtomicU64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl KeyScript {
    fn new(script: Script, now: Instant) -> Self {
        let tokens = script.rate_limit_rps.unwrap_or(0.0).max(1.0);
        Self { script, requests: AtomicU64::new(0), bucket: Mutex::new(Bucket { tokens, filled: now }) }
    }

    /// Whether this request is one of the share that fails. The failures are spread evenly, so that the share is
    /// exact after any number of requests.
    pub(crate) fn fails(&self) -> bool {
        let Some(rate) = self.script.error_rate else { return false };
        #[expect(clippy::cast_precision_loss, reason = "2^52 requests are out of reach")]
        let seen = self.requests.fetch_add(1, Ordering::Relaxed) as f64;
        ((seen + 1.0) * rate).floor() > (seen * rate).floor()
    }

    /// Takes one request from the rate limit: what remains of this second's burst, or how long to wait.
    pub(crate) fn admit(&self, now: Instant) -> Option<Result<f64, Duration>> {
        let rate = self.script.rate_limit_rps?;
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(bucket.filled).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + gained).min(rate.max(1.0));
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Some(Ok(bucket.tokens))
        } else {
            Some(Err(Duration::from_secs_f64((1.0 - bucket.tokens) / rate)))
        }
    }
}

/// All key scripts. Readers pay one relaxed load while there are none.
#[derive(Debug, Default)]
pub(crate) struct KeyScripts {
    count: AtomicUsize,
    scripts: RwLock<HashMap<String, Arc<KeyScript>>>,
}

impl KeyScripts {
    pub(crate) fn get(&self, key: &str) -> Option<Arc<KeyScript>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.scripts.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Replaces a key's script by a JSON document.
    pub(crate) fn put(&self, key: &str, document: &[u8]) -> Result<(), String> {
        let members: Map<String, Value> = serde_json::from_slice(document).map_err(|e| e.to_string())?;
        let entry = Arc::new(KeyScript::new(Script::from_json(&members)?, Instant::now()));
        let mut scripts = self.scripts.write().unwrap_or_else(PoisonError::into_inner);
        scripts.insert(key.to_owned(), entry);
        self.count.store(scripts.len(), Ordering::Release);
        Ok(())
    }

    /// Removes a key's script, or all of them; the number removed.
    pub(crate) fn remove(&self, key: Option<&str>) -> usize {
        let mut scripts = self.scripts.write().unwrap_or_else(PoisonError::into_inner);
        let before = scripts.len();
        match key {
            Some(key) => drop(scripts.remove(key)),
            None => scripts.clear(),
        }
        self.count.store(scripts.len(), Ordering::Release);
        before - scripts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_an_exact_share() {
        let keys = KeyScripts::default();
        keys.put("k", br#"{"error_rate": 0.25}"#).unwrap();
        let key = keys.get("k").unwrap();
        let failed = (0..40).filter(|_| key.fails()).count();
        assert_eq!(failed, 10);
    }

    #[test]
    fn the_bucket_refills_with_time() {
        let start = Instant::now();
        let mut script = Script::default();
        script.set("rate-limit-rps", "2").unwrap();
        let key = KeyScript::new(script, start);
        assert_eq!(key.admit(start), Some(Ok(1.0)));
        assert_eq!(key.admit(start), Some(Ok(0.0)));
        assert_eq!(key.admit(start), Some(Err(Duration::from_millis(500))));
        assert_eq!(key.admit(start + Duration::from_millis(500)), Some(Ok(0.0)));
    }

    #[test]
    fn removing_scripts_reports_how_many_went() {
        let keys = KeyScripts::default();
        keys.put("a", b"{}").unwrap();
        keys.put("b", b"{}").unwrap();
        keys.put("c", b"{}").unwrap();
        assert_eq!(keys.remove(Some("a")), 1);
        assert_eq!(keys.remove(Some("a")), 0);
        assert_eq!(keys.remove(None), 2);
        assert!(keys.get("b").is_none());
    }
}
