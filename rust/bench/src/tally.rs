//! What one generator thread counted of the measured requests; threads are added up at the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::connection::{Failure, Kind};
use crate::report::Summary;

/// Microseconds with three significant digits.
#[derive(Debug)]
pub(crate) struct Micros(Histogram<u64>);

/// An hour; what is longer is recorded as this.
const LONGEST: u64 = 3_600_000_000;

impl Micros {
    fn new() -> Option<Self> {
        Histogram::new_with_bounds(1, LONGEST, 3).ok().map(Self)
    }

    pub(crate) fn time(&mut self, time: Duration) {
        self.count(u64::try_from(time.as_micros()).unwrap_or(LONGEST));
    }

    pub(crate) fn count(&mut self, value: u64) {
        self.0.saturating_record(value);
    }

    fn add(&mut self, other: &Self) {
        let same_bounds = self.0.add(&other.0);
        debug_assert!(same_bounds.is_ok());
    }

    pub(crate) fn p99(&self) -> u64 {
        self.0.value_at_quantile(0.99)
    }

    pub(crate) fn summary(&self) -> Summary {
        if self.0.is_empty() {
            return Summary::default();
        }
        let at = |quantile| self.0.value_at_quantile(quantile);
        Summary {
            count: self.0.len(),
            min: self.0.min(),
            mean: self.0.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Tally {
    /// Planned inside the window and handed to a connection.
    pub(crate) sent: u64,
    pub(crate) ok: u64,
    /// Planned inside the window, and no connection came free for it.
    pub(crate) unsent: u64,
    pub(crate) resent: u64,
    pub(crate) waited: u64,
    pub(crate) opened: u64,
    pub(crate) incomplete_streams: u64,
    /// When the last of the whole answers had come.
    pub(crate) last_end: Option<Instant>,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: BTreeMap<Kind, u64>,
    pub(crate) samples: BTreeMap<Kind, String>,
    pub(crate) latency: Micros,
    pub(crate) first_byte: Micros,
    pub(crate) gap: Micros,
    pub(crate) events: Micros,
    pub(crate) lateness: Micros,
    pub(crate) send_lag: Micros,
}

impl Tally {
    /// `None` cannot happen with the bounds above; it spares a panic.
    pub(crate) fn new() -> Option<Self> {
        Some(Self {
            sent: 0,
            ok: 0,
            unsent: 0,
            resent: 0,
            waited: 0,
            opened: 0,
            incomplete_streams: 0,
            last_end: None,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            samples: BTreeMap::new(),
            latency: Micros::new()?,
            first_byte: Micros::new()?,
            gap: Micros::new()?,
            events: Micros::new()?,
            lateness: Micros::new()?,
            send_lag: Micros::new()?,
        })
    }

    pub(crate) fn failure(&mut self, failure: Failure) {
        *self.errors.entry(failure.kind).or_default() += 1;
        self.samples.entry(failure.kind).or_insert(failure.detail);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.ok += other.ok;
        self.unsent += other.unsent;
        self.resent += other.resent;
        self.waited += other.waited;
        self.opened += other.opened;
        self.incomplete_streams += other.incomplete_streams;
        self.last_end = self.last_end.max(other.last_end);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        for (kind, detail) in other.samples {
            self.samples.entry(kind).or_insert(detail);
        }
        self.latency.add(&other.latency);
        self.first_byte.add(&other.first_byte);
        self.gap.add(&other.gap);
        self.events.add(&other.events);
        self.lateness.add(&other.lateness);
        self.send_lag.add(&other.send_lag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let mut left = Tally::new().unwrap();
        let mut right = Tally::new().unwrap();
        (left.sent, right.sent) = (1, 2);
        left.statuses.insert(200, 1);
        right.statuses.extend([(200, 1), (503, 1)]);
        right.failure(Failure::new(Kind::Cut, &"half"));
        left.latency.time(Duration::from_micros(100));
        right.latency.time(Duration::from_micros(300));
        left.add(right);
        assert_eq!((left.sent, left.answered(), left.failed()), (3, 3, 1));
        assert_eq!(left.statuses[&200], 2);
        assert_eq!(left.samples[&Kind::Cut], "half");
        let summary = left.latency.summary();
        assert_eq!((summary.count, summary.min, summary.max), (2, 100, 300));
        assert!((summary.mean - 200.0).abs() < 1.0, "{summary:?}");
    }

    #[test]
    fn nothing_recorded_is_all_zero_and_a_long_time_is_kept_within_bounds() {
        let mut micros = Micros::new().unwrap();
        assert_eq!(micros.summary(), Summary::default());
        micros.time(Duration::from_secs(10_000));
        assert_eq!(micros.summary().count, 1);
        assert!(micros.summary().max >= LONGEST, "{:?}", micros.summary());
    }
}
