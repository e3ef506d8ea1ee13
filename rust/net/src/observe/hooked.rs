//! Counters of hooks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::buckets::{Buckets, FINE};
use crate::hooks::Times;

/// Where on a request's way a hook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Request,
    Response,
    Event,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Request, Self::Response, Self::Event];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Event => "event",
        }
    }

    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::Request => "on_request",
            Self::Response => "on_response",
            Self::Event => "on_event",
        }
    }
}

/// How a call of a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookOutcome {
    Passed,
    Changed,
    Vetoed,
    Raised,
    Late,
    Full,
}

impl HookOutcome {
    const ALL: [Self; 6] = [Self::Passed, Self::Changed, Self::Vetoed, Self::Raised, Self::Late, Self::Full];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Changed => "changed",
            Self::Vetoed => "vetoed",
            Self::Raised => "raised",
            Self::Late => "late",
            Self::Full => "full",
        }
    }
}

/// Counters of one stage of a hook.
#[derive(Debug)]
struct Staged {
    /// By outcome.
    calls: [AtomicU64; HookOutcome::ALL.len()],
    events: AtomicU64,
    run: Buckets,
    queue: Buckets,
    gil: Buckets,
}

/// Counters of one hook.
#[derive(Debug)]
pub(crate) struct HookFigures([Staged; Stage::ALL.len()]);

impl Default for HookFigures {
    fn default() -> Self {
        let staged = || Staged {
            calls: Default::default(),
            events: AtomicU64::new(0),
            run: Buckets::new(&FINE),
            queue: Buckets::new(&FINE),
            gil: Buckets::new(&FINE),
        };
        Self([staged(), staged(), staged()])
    }
}

impl HookFigures {
    pub(crate) fn count(&self, stage: Stage, outcome: HookOutcome, events: u32, times: Times) {
        let staged = &self.0[stage as usize];
        staged.calls[outcome as usize].fetch_add(1, Relaxed);
        staged.events.fetch_add(events.into(), Relaxed);
        if outcome != HookOutcome::Full {
            staged.run.observe(times.run);
            staged.queue.observe(times.queue);
            staged.gil.observe(times.gil);
        }
    }
}

/// What is to do right now.
#[derive(Debug, Clone)]
pub(crate) struct HookReport {
    pub(crate) name: Box<str>,
    pub(crate) figures: Arc<HookFigures>,
    pub(crate) outstanding: usize,
    pub(crate) threads: usize,
    pub(crate) late: usize,
}

/// Picks one of a stage's histograms, and one of a hook's numbers.
type Timed = fn(&Staged) -> &Buckets;
type Counted = fn(&HookReport) -> usize;

/// The hooks' metrics when the text is made.
#[derive(Debug)]
pub(super) struct Hooked(pub(super) Vec<HookReport>);

impl Collector for Hooked {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let of = |report: &HookReport| {
            let figures = Arc::clone(&report.figures);
            Stage::ALL.map(|stage| (stage, Arc::clone(&figures)))
        };
        let is_used = |staged: &Staged| staged.calls.iter().any(|count| count.load(Relaxed) > 0);
        let mut calls = encoder.encode_descriptor(
            "hook_calls",
            "Calls of hooks by their end",
            None,
            MetricType::Counter,
        )?;
        for report in &self.0 {
            for (stage, figures) in of(report) {
                let staged = &figures.0[stage as usize];
                for outcome in HookOutcome::ALL.into_iter().filter(|_| is_used(staged)) {
                    let labels =
                        [("hook", &*report.name), ("stage", stage.name()), ("outcome", outcome.name())];
                    ConstCounter::new(staged.calls[outcome as usize].load(Relaxed))
                        .encode(calls.encode_family(&labels)?)?;
                }
            }
        }
        let mut events =
            encoder.encode_descriptor("hook_events", "Events that hooks saw", None, MetricType::Counter)?;
        for report in &self.0 {
            let staged = &report.figures.0[Stage::Event as usize];
            ConstCounter::new(staged.events.load(Relaxed))
                .encode(events.encode_family(&[("hook", &*report.name)])?)?;
        }
        let times: [(&str, &str, Timed); 3] = [
            ("hook_seconds", "Time in a hook's code", |staged| &staged.run),
            ("hook_queue_seconds", "Time until a thread took a hook's call", |staged| &staged.queue),
            ("hook_gil_wait_seconds", "Time until that thread had the GIL", |staged| &staged.gil),
        ];
        for (name, help, choose) in times {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            for report in &self.0 {
                for (stage, figures) in of(report) {
                    let staged = &figures.0[stage as usize];
                    if is_used(staged) {
                        let labels = [("hook", &*report.name), ("stage", stage.name())];
                        choose(staged).encode(family.encode_family(&labels)?)?;
                    }
                }
            }
        }
        let gauges: [(&str, &str, Counted); 3] = [
            ("hook_outstanding", "Calls of a hook that wait or run", |report| report.outstanding),
            ("hook_threads", "Threads of a hook", |report| report.threads),
            ("hook_threads_late", "Threads of a hook that are over their time", |report| report.late),
        ];
        for (name, help, choose) in gauges {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for report in &self.0 {
                let value = i64::try_from(choose(report)).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(family.encode_family(&[("hook", &*report.name)])?)?;
            }
        }
        Ok(())
    }
}
