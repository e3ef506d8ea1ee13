//! The cache as the admin API sees it.

use std::time::Duration;

use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Cursor, Listed};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::cache::{CacheStats, Tokens, unix_ms};

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
        self.shared.cache.stats()
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
        self.shared.cache.purge(|entry| which.means(entry), unix_ms())
    }

    /// Takes one away; false where there is none of that id.
    pub fn cache_remove(&self, id: &str) -> bool {
        Key::parse(id).is_some_and(|key| self.shared.cache.remove(&key, unix_ms()))
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
