//! What the cache counts, for the admin API and for metrics.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::verifiers::RouteReport;
use super::{Cache, Semantic};

/// Tokens, as the provider counted them.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Tokens {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
}

/// Counts since the start, and what is there now.
#[derive(Debug, Serialize)]
pub struct CacheStats {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) max_bytes: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) joined: u64,
    pub(crate) stores: u64,
    pub(crate) evictions: u64,
    pub(crate) expired: u64,
    pub(crate) tokens_saved: Tokens,
    /// None where no route asks for it.
    pub(crate) semantic: Option<SemanticStats>,
    /// None where answers are kept in memory alone, or another process has the file.
    pub(crate) disk: Option<DiskStats>,
}

/// Of the file of answers.
#[derive(Debug, Serialize)]
pub(crate) struct DiskStats {
    pub(crate) bytes: u64,
    /// Why the disk refuses what should be written, while it does; and how often it began to.
    pub(crate) failure: Option<String>,
    pub(crate) failures: u64,
}

/// Of questions that mean the same. Lookups are counted once each, by what came of them.
#[derive(Debug, Serialize)]
pub(crate) struct SemanticStats {
    pub(crate) entries: usize,
    pub(crate) vector_bytes: usize,
    pub(crate) hits: u64,
    pub(crate) far: u64,
    pub(crate) vetoed: u64,
    pub(crate) busy: u64,
    pub(crate) late: u64,
    pub(crate) too_long: u64,
    /// How right the hits were, of the routes that verify.
    pub(crate) verified: Vec<RouteReport>,
}

impl SemanticStats {
    fn of(semantic: &Semantic, verified: Vec<RouteReport>) -> Self {
        let (entries, vector_bytes) = semantic.size();
        let counts = semantic.counts();
        let [hits, far, vetoed, busy, late, too_long] =
            [&counts.hits, &counts.far, &counts.vetoed, &counts.busy, &counts.late, &counts.too_long]
                .map(|count| count.load(Relaxed));
        Self { entries, vector_bytes, hits, far, vetoed, busy, late, too_long, verified }
    }
}

impl Cache {
    fn disk(&self) -> Option<DiskStats> {
        if let Some(file) = self.shelf.load().as_ref() {
            let status = file.status();
            return Some(DiskStats {
                bytes: status.bytes,
                failure: status.failure,
                failures: status.failures,
            });
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(DiskStats { bytes: 0, failure: Some(refused), failures: 1 })
    }

    /// What it counted, and what is in it.
    pub(crate) fn stats(&self) -> CacheStats {
        let stats = self.store.stats();
        let (input, output) = self.saved_tokens();
        let semantic = self.semantic().map(|semantic| SemanticStats::of(&semantic, self.verifiers.reports()));
        // What another wording's answer served was no miss in the end.
        let found_later = semantic.as_ref().map_or(0, |semantic| semantic.hits);
        CacheStats {
            entries: stats.entries,
            bytes: stats.bytes,
            max_bytes: self.bytes as u64,
            hits: stats.hits,
            misses: stats.misses.saturating_sub(found_later),
            joined: self.joined_requests(),
            stores: stats.puts,
            evictions: stats.evictions,
            expired: stats.expired,
            tokens_saved: Tokens { input: Some(input), output: Some(output) },
            semantic,
            disk: self.disk(),
        }
    }
}
