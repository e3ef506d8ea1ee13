//! The cache as the admin API sees it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Cursor, Listed};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::cache::Semantic;

/// Which entries are meant; all where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Which {
    model: Option<String>,
    tenant: Option<String>,
    route: Option<String>,
    /// Found in what was asked, whatever its case.
    text: Option<String>,
}

/// Tokens, as the provider counted them.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Tokens {
    input: Option<u64>,
    output: Option<u64>,
}

/// Counts since the start, and what is there now.
#[derive(Debug, Serialize)]
pub struct CacheStats {
    entries: usize,
    bytes: usize,
    max_bytes: u64,
    hits: u64,
    misses: u64,
    joined: u64,
    stores: u64,
    evictions: u64,
    expired: u64,
    tokens_saved: Tokens,
    /// None where no route asks for it.
    semantic: Option<SemanticStats>,
}

/// Of questions that mean the same. Lookups are counted once each, by what came of them.
#[derive(Debug, Serialize)]
struct SemanticStats {
    entries: usize,
    vector_bytes: usize,
    hits: u64,
    far: u64,
    vetoed: u64,
    busy: u64,
    late: u64,
    too_long: u64,
}

impl SemanticStats {
    fn of(semantic: &Semantic) -> Self {
        let (entries, vector_bytes) = semantic.size();
        let counts = semantic.counts();
        let [hits, far, vetoed, busy, late, too_long] =
            [&counts.hits, &counts.far, &counts.vetoed, &counts.busy, &counts.late, &counts.too_long]
                .map(|count| count.load(Relaxed));
        Self { entries, vector_bytes, hits, far, vetoed, busy, late, too_long }
    }
}

/// One entry.
#[derive(Debug, Serialize)]
pub struct CacheItem {
    id: String,
    kind: &'static str,
    tenant: String,
    model: String,
    route: String,
    operation: &'static str,
    provider: String,
    status: u16,
    stream: bool,
    bytes: usize,
    tokens: Tokens,
    hits: u32,
    age_s: f64,
    ttl_s: f64,
    preview: String,
}

/// A page of entries.
#[derive(Debug, Serialize)]
pub struct CachePage {
    items: Vec<CacheItem>,
    next_cursor: Option<String>,
}

impl Engine {
    /// What the cache counted, and what is in it.
    pub fn cache_stats(&self) -> CacheStats {
        let cache = &self.shared.cache;
        let stats = cache.store.stats();
        let (input, output) = cache.saved_tokens();
        CacheStats {
            entries: stats.entries,
            bytes: stats.bytes,
            max_bytes: cache.bytes as u64,
            hits: stats.hits,
            misses: stats.misses,
            joined: cache.joined_requests(),
            stores: stats.puts,
            evictions: stats.evictions,
            expired: stats.expired,
            tokens_saved: Tokens { input: Some(input), output: Some(output) },
            semantic: cache.semantic().map(|semantic| SemanticStats::of(&semantic)),
        }
    }

    /// A page of at most `limit` entries; None where `cursor` is none.
    pub fn cache_list(&self, limit: usize, cursor: Option<&str>, which: &Which) -> Option<CachePage> {
        let now = unix_ms();
        let mut from = Some(cursor.map_or(Some(Cursor::default()), Cursor::parse)?);
        let mut items = Vec::new();
        while let Some(cursor) = from.filter(|_| items.len() < limit) {
            let (listed, next) = self.shared.cache.store.list(cursor, limit - items.len());
            items.extend(listed.iter().filter(|entry| which.means(entry)).map(|entry| item(entry, now)));
            from = next;
        }
        Some(CachePage { items, next_cursor: from.map(|cursor| cursor.to_string()) })
    }

    /// Takes away all that are meant; says how many.
    pub fn cache_purge(&self, which: &Which) -> usize {
        let cache = &self.shared.cache;
        let count = cache.store.purge(|entry| which.means(entry));
        if let Some(semantic) = cache.semantic() {
            semantic.sweep();
        }
        count
    }

    /// Takes one away; false where there is none of that id.
    pub fn cache_remove(&self, id: &str) -> bool {
        Key::parse(id).is_some_and(|key| self.shared.cache.store.remove(&key))
    }
}

impl Which {
    fn means(&self, listed: &Listed) -> bool {
        let entry = &listed.entry;
        let is = |said: &Option<String>, value: &str| said.as_ref().is_none_or(|said| **said == *value);
        let holds = |text: &String| entry.preview.to_lowercase().contains(&text.to_lowercase());
        is(&self.model, &entry.model)
            && is(&self.tenant, &entry.tenant)
            && is(&self.route, &entry.route)
            && self.text.as_ref().is_none_or(holds)
    }
}

fn item(listed: &Listed, now: u64) -> CacheItem {
    let entry = &listed.entry;
    let seconds = |millis: u64| Duration::from_millis(millis).as_secs_f64();
    CacheItem {
        id: listed.key.to_string(),
        kind: if entry.question.is_some() { "semantic" } else { "exact" },
        tenant: entry.tenant.to_string(),
        model: entry.model.to_string(),
        route: entry.route.to_string(),
        operation: entry.form.operation().name(),
        provider: entry.provider.to_string(),
        status: entry.status,
        stream: false,
        bytes: entry.weight(),
        tokens: Tokens {
            input: entry.usage.map(|usage| usage.input),
            output: entry.usage.map(|usage| usage.output),
        },
        hits: listed.hits,
        age_s: seconds(now.saturating_sub(listed.stored_at)),
        ttl_s: seconds(entry.ttl),
        preview: entry.preview.to_string(),
    }
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
