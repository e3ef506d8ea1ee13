//! Prometheus metrics. Labels are providers, operations and classes: what configuration bounds, and never an id.
//!
//! Counting is a few relaxed additions; the library is used where the text is made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use ferrogate_core::Kind;
use ferrogate_core::dialects::Operation;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Outcome;
use super::buckets::{BOUNDS, Buckets, FINE};
use super::hooked::{HookReport, Hooked};
use super::kept::Kept;
use super::ticket::Story;
use crate::cache::CacheStats;
use crate::journal::Figures;

const OUTCOMES: [Outcome; 4] = [Outcome::Ok, Outcome::Error, Outcome::Cut, Outcome::Cancelled];

/// Counters of one provider; `none` stands for requests that reached no provider.
#[derive(Debug)]
pub(crate) struct ProviderMetrics {
    /// By operation and outcome.
    requests: [[AtomicU64; OUTCOMES.len()]; Operation::ALL.len()],
    /// By kind, for attempts.
    failures: Vec<AtomicU64>,
    duration: Buckets,
    first_token: Buckets,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
}

impl ProviderMetrics {
    fn new() -> Self {
        Self {
            requests: Default::default(),
            failures: Kind::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            duration: Buckets::new(&BOUNDS),
            first_token: Buckets::new(&BOUNDS),
            input_tokens: AtomicU64::new(0),
            output_tokens: AtomicU64::new(0),
        }
    }

    /// Counts a failed attempt.
    pub(crate) fn failure(&self, kind: Kind) {
        if let Some(at) = Kind::ALL.iter().position(|&known| known == kind) {
            self.failures[at].fetch_add(1, Relaxed);
        }
    }
}

/// What the engine counts for itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) in_flight: u64,
    pub(crate) connections: u64,
    pub(crate) buffered_bytes: u64,
    pub(crate) journal: Figures,
}

/// Picks one of a provider's histograms.
type Chooser = fn(&ProviderMetrics) -> &Buckets;

/// All metrics of one engine.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// By provider. Those of a provider that was removed stay: a counter never goes back.
    providers: ArcSwap<BTreeMap<Box<str>, Arc<ProviderMetrics>>>,
    none: ProviderMetrics,
    overhead: Buckets,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { providers: ArcSwap::default(), none: ProviderMetrics::new(), overhead: Buckets::new(&FINE) }
    }
}

impl Metrics {
    /// Makes room for providers; called when a snapshot is applied.
    pub(crate) fn know(&self, names: &[&str]) {
        self.providers.rcu(|known| {
            let mut known = BTreeMap::clone(known);
            for &name in names {
                known.entry(name.into()).or_insert_with(|| Arc::new(ProviderMetrics::new()));
            }
            known
        });
    }

    pub(crate) fn attempt_failed(&self, provider: &str, kind: Kind) {
        if let Some(metrics) = self.providers.load().get(provider) {
            metrics.failure(kind);
        }
    }

    pub(crate) fn request(
        &self,
        provider: Option<&str>,
        ticket: &Story,
        outcome: Outcome,
        duration: Duration,
        overhead: Duration,
    ) {
        let providers = self.providers.load();
        let metrics = provider.and_then(|name| providers.get(name)).map_or(&self.none, |metrics| &**metrics);
        metrics.requests[ticket.operation as usize][outcome as usize].fetch_add(1, Relaxed);
        metrics.duration.observe(duration);
        if let Some(first) = ticket.first_content {
            metrics.first_token.observe(first.saturating_duration_since(ticket.arrived));
        }
        if let Some(usage) = ticket.usage {
            metrics.input_tokens.fetch_add(usage.input, Relaxed);
            metrics.output_tokens.fetch_add(usage.output, Relaxed);
        }
        self.overhead.observe(overhead);
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(
        self: &Arc<Self>,
        totals: Totals,
        cache: CacheStats,
        hooks: Vec<HookReport>,
    ) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("ferrogate");
        registry.register_collector(Box::new(View { metrics: Arc::clone(self), totals }));
        registry.register_collector(Box::new(Kept(cache)));
        if !hooks.is_empty() {
            registry.register_collector(Box::new(Hooked(hooks)));
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }

    fn rows(&self) -> Vec<(Box<str>, Arc<ProviderMetrics>)> {
        self.providers.load().iter().map(|(name, metrics)| (name.clone(), Arc::clone(metrics))).collect()
    }
}

#[derive(Debug)]
struct View {
    metrics: Arc<Metrics>,
    totals: Totals,
}

impl Collector for View {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let rows = self.metrics.rows();
        let named =
            || rows.iter().map(|(name, metrics)| (&**name, &**metrics)).chain([("none", &self.metrics.none)]);
        encode_requests(&mut encoder, named())?;

        let mut family = encoder.encode_descriptor(
            "attempt_failures",
            "Failed attempts by provider and error",
            None,
            MetricType::Counter,
        )?;
        for (provider, metrics) in named() {
            for (kind, count) in Kind::ALL.iter().zip(&metrics.failures) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels = [("provider", provider), ("error", kind.id())];
                    ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let histograms: [(&str, &str, Chooser); 2] = [
            ("request_duration_seconds", "From the first byte in to the last byte out", |m| &m.duration),
            ("time_to_first_token_seconds", "From the first byte in to the first content out", |m| {
                &m.first_token
            }),
        ];
        for (name, help, buckets) in histograms {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            for (provider, metrics) in named() {
                buckets(metrics).encode(family.encode_family(&[("provider", provider)])?)?;
            }
        }
        let mut family = encoder.encode_descriptor(
            "tokens",
            "Tokens as providers counted them",
            None,
            MetricType::Counter,
        )?;
        for (provider, metrics) in named() {
            for (direction, count) in [("input", &metrics.input_tokens), ("output", &metrics.output_tokens)] {
                let labels = [("provider", provider), ("direction", direction)];
                ConstCounter::new(count.load(Relaxed)).encode(family.encode_family(&labels)?)?;
            }
        }
        let overhead = encoder.encode_descriptor(
            "overhead_seconds",
            "The gateway's own share of a request, until the answer's headers",
            None,
            MetricType::Histogram,
        )?;
        self.metrics.overhead.encode(overhead)?;
        self.encode_totals(&mut encoder)
    }
}

impl View {
    fn encode_totals(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (totals, journal) = (&self.totals, &self.totals.journal);
        for (name, help, value) in [
            ("in_flight_requests", "Requests that are being served", totals.in_flight),
            ("client_connections", "Open connections of clients", totals.connections),
            ("buffered_bytes", "Bytes of request bodies in memory", totals.buffered_bytes),
            (
                "payload_memory_bytes",
                "Bytes of bodies kept in memory for the log",
                journal.payload_memory_bytes,
            ),
            ("payload_disk_bytes", "Bytes of all payload segments", journal.payload_disk_bytes),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)?;
        }
        for (name, help, value) in [
            ("journal_rows", "Rows written to the journal", journal.written_rows),
            ("journal_bytes", "Bytes written to the journal", journal.written_bytes),
            ("journal_shed_rows", "Rows lost because the disk took no writes", journal.shed_rows),
            ("journal_shortened_rows", "Rows whose very long texts were cut", journal.shortened_rows),
            ("journal_ring_full", "Rows that had to wait for the journal", journal.ring_full),
            ("journal_write_errors", "Failed writes to the journal", journal.write_errors),
            ("journal_skipped_places", "Damaged places that were passed over", journal.skipped_places),
            ("payloads", "Requests whose bodies were written", journal.payloads),
            ("payload_bytes", "Bytes of those bodies, packed", journal.payload_bytes),
            ("payloads_shed", "Requests of whose bodies one at least was shed", journal.payloads_shed),
            ("payload_errors", "Failed writes of bodies", journal.payload_errors),
            ("payload_segments_deleted", "Payload segments deleted", journal.payload_segments_deleted),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        Ok(())
    }
}

fn encode_requests<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    rows: impl Iterator<Item = (&'a str, &'a ProviderMetrics)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "requests",
        "Requests by provider, operation and outcome",
        None,
        MetricType::Counter,
    )?;
    for (provider, metrics) in rows {
        for (operation, outcomes) in Operation::ALL.iter().zip(&metrics.requests) {
            for (outcome, count) in OUTCOMES.iter().zip(outcomes) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels = [
                        ("provider", provider),
                        ("operation", operation.name()),
                        ("outcome", outcome.name()),
                    ];
                    ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
                }
            }
        }
    }
    Ok(())
}
