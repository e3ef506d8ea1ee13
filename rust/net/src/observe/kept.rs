//! The cache's metrics.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::cache::CacheStats;

/// What was counted when the text is made.
#[derive(Debug)]
pub(super) struct Kept(pub(super) CacheStats);

impl Collector for Kept {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = &self.0;
        let mut lookups = encoder.encode_descriptor(
            "cache_lookups",
            "Lookups of kept answers by what came of them",
            None,
            MetricType::Counter,
        )?;
        let exact = [("hit", stats.hits), ("miss", stats.misses), ("joined", stats.joined)];
        let semantic = stats.semantic.as_ref().map(|semantic| {
            [
                ("hit", semantic.hits),
                ("far", semantic.far),
                ("vetoed", semantic.vetoed),
                ("busy", semantic.busy),
                ("late", semantic.late),
                ("too_long", semantic.too_long),
            ]
        });
        let exact = exact.map(|(result, count)| ("exact", result, count));
        let semantic = semantic.into_iter().flatten().map(|(result, count)| ("semantic", result, count));
        for (kind, result, count) in exact.into_iter().chain(semantic) {
            let labels = [("kind", kind), ("result", result)];
            ConstCounter::new(count).encode(lookups.encode_family(&labels)?)?;
        }
        let mut saved = encoder.encode_descriptor(
            "cache_tokens_saved",
            "Tokens that kept answers did not cost",
            None,
            MetricType::Counter,
        )?;
        for (direction, count) in [("input", stats.tokens_saved.input), ("output", stats.tokens_saved.output)]
        {
            ConstCounter::new(count.unwrap_or(0))
                .encode(saved.encode_family(&[("direction", direction)])?)?;
        }
        let counters = [
            ("cache_stores", "Answers that were kept", stats.stores),
            ("cache_evictions", "Answers that made room for others", stats.evictions),
            ("cache_expired", "Answers that became too old", stats.expired),
        ];
        for (name, help, count) in counters {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let gauges = [
            ("cache_entries", "Answers that are kept", stats.entries as u64),
            ("cache_bytes", "Memory that kept answers take", stats.bytes as u64),
            ("cache_limit_bytes", "Memory that kept answers may take", stats.max_bytes),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
