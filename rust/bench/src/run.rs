//! Starts the threads, reads CPU and counters at the edges of the window, tells progress, adds everything up.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::crew::{Crew, THREAD_NAME};
use crate::observe::{Live, Reading};
use crate::report::{Progress, Report, Requests, Totals, Window};
use crate::tally::Tally;
use crate::target::Target;
use crate::usage;
use crate::{Error, Options};

/// Threads are made before the first request is due, so that making them does not count as lateness.
const HEAD_START: Duration = Duration::from_millis(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How soon a cancel is noticed and how exactly the edges of the window are met.
const STEP: Duration = Duration::from_millis(20);

/// Run one load on threads of its own and wait for its end.
///
/// `progress` is called on the calling thread. Setting `cancel` ends the load within some milliseconds; the report then
/// covers what was measured so far. Errors are about the load as a whole: wrong options, nothing listening at the
/// target, no threads. Failures of single requests are in the report.
pub fn run(
    options: &Options,
    mut progress: impl FnMut(&Progress),
    cancel: &AtomicBool,
) -> Result<Report, Error> {
    options.check()?;
    let target = Arc::new(Target::new(options)?);
    TcpStream::connect_timeout(&target.address, CONNECT_TIMEOUT)
        .map_err(|error| Error::Unreachable(format!("cannot connect to {}: {error}", target.url)))?;
    let opened = if options.open_first { open_all(&target, options.connections)? } else { Vec::new() };
    let start = Instant::now() + HEAD_START;
    let measure_from = start + options.warmup();
    let load = Load {
        options,
        target,
        live: Arc::new(Live::default()),
        start,
        measure_from,
        until: measure_from + options.duration(),
        cancel,
    };
    let crew = Crew::start(&load, opened)?;
    let mut teller = Teller { load: &load, last: (start, 0), next: start, tell: &mut progress };

    teller.wait_until("warmup", measure_from, || false);
    let first = Edge::take(&load);
    let peaks = teller.measure(&first, || options.requests > 0 && crew.is_finished());
    let last = Edge::take(&load);
    let deadline = load.until + Duration::from_millis(options.drain_ms) + STEP;
    teller.wait_until("drain", deadline, || crew.is_finished());
    let cancelled = cancel.load(Ordering::Relaxed);
    let tally = crew.join()?;
    Ok(report(&load, &first, &last, &peaks, &tally, cancelled))
}

/// One after the other, so that a server's queue of new connections cannot overflow.
fn open_all(target: &Target, count: usize) -> Result<Vec<TcpStream>, Error> {
    let connect = |_| TcpStream::connect_timeout(&target.address, CONNECT_TIMEOUT);
    (0..count).map(connect).collect::<Result<_, _>>().map_err(|error| {
        Error::Unreachable(format!("cannot open {count} connections to {}: {error}", target.url))
    })
}

/// One run's fixed facts.
pub(crate) struct Load<'a> {
    pub(crate) options: &'a Options,
    pub(crate) target: Arc<Target>,
    pub(crate) live: Arc<Live>,
    pub(crate) start: Instant,
    pub(crate) measure_from: Instant,
    pub(crate) until: Instant,
    cancel: &'a AtomicBool,
}

/// Counters and CPU at one edge of the window.
struct Edge {
    at: Instant,
    counters: Reading,
    generator: usage::Reading,
    watched: BTreeMap<String, usage::Reading>,
}

impl Edge {
    fn take(load: &Load<'_>) -> Self {
        Self {
            at: Instant::now(),
            counters: load.live.read(),
            generator: usage::Reading::take_only(std::process::id()),
            watched: watched(load),
        }
    }
}

fn watched(load: &Load<'_>) -> BTreeMap<String, usage::Reading> {
    load.options.watch.iter().map(|(name, pids)| (name.clone(), usage::Reading::take(pids))).collect()
}

struct Teller<'a, F> {
    load: &'a Load<'a>,
    last: (Instant, u64),
    next: Instant,
    tell: F,
}

impl<F: FnMut(&Progress)> Teller<'_, F> {
    /// Wait, telling progress, until `deadline`, a cancel, or `done`.
    fn wait_until(&mut self, phase: &'static str, deadline: Instant, done: impl Fn() -> bool) {
        while !self.load.cancel.load(Ordering::Relaxed) && !done() {
            let now = Instant::now();
            if now >= deadline {
                break;
            }
            if now >= self.next {
                self.tell(phase, now);
            }
            std::thread::sleep(STEP.min(deadline - now));
        }
    }

    /// The window itself, or until `done`; returns the largest resident memory seen of each watched group.
    fn measure(&mut self, first: &Edge, done: impl Fn() -> bool) -> BTreeMap<String, u64> {
        let mut peaks: BTreeMap<String, u64> = first.watched.keys().map(|name| (name.clone(), 0)).collect();
        let every = Duration::from_millis(self.load.options.progress_ms);
        while Instant::now() < self.load.until && !self.load.cancel.load(Ordering::Relaxed) && !done() {
            self.wait_until("measure", (Instant::now() + every).min(self.load.until), &done);
            for (name, reading) in watched(self.load) {
                let peak = peaks.entry(name).or_default();
                *peak = (*peak).max(reading.rss_kb());
            }
        }
        peaks
    }

    fn tell(&mut self, phase: &'static str, now: Instant) {
        let counters = self.load.live.read();
        let since = now.saturating_duration_since(self.last.0).as_secs_f64();
        let rate = if since > 0.0 { ratio(counters.completed - self.last.1, since) } else { 0.0 };
        self.last = (now, counters.completed);
        self.next = now + Duration::from_millis(self.load.options.progress_ms);
        (self.tell)(&Progress {
            phase,
            elapsed_s: now.saturating_duration_since(self.load.start).as_secs_f64(),
            total_s: (self.load.until - self.load.start).as_secs_f64(),
            sent: counters.sent,
            completed: counters.completed,
            failed: counters.failed,
            events: counters.events,
            in_flight: counters.in_flight,
            backlog: counters.backlog,
            rate,
        });
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn ratio(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// A generator thread above this share of a core had no time left to be punctual.
const BUSY: f64 = 0.95;

fn report(
    load: &Load<'_>,
    first: &Edge,
    last: &Edge,
    peaks: &BTreeMap<String, u64>,
    tally: &Tally,
    cancelled: bool,
) -> Report {
    let options = load.options;
    let seconds = (last.at - first.at).as_secs_f64();
    let (before, after, all) = (&first.counters, &last.counters, load.live.read());
    let completed = after.completed - before.completed;
    let generator = last.generator.since(&first.generator, 0);
    let generator_cpu_us =
        generator.and_then(|usage| usage.threads.get(THREAD_NAME).map(|threads| threads.cpu_us));
    let full = seconds * 1e6 * f64::from(u32::try_from(options.threads).unwrap_or(u32::MAX));
    let busy = generator_cpu_us.is_some_and(|cpu_us| ratio(cpu_us, full.max(1.0)) > BUSY);
    let usage = last.watched.iter().filter_map(|(name, now)| {
        let usage = now.since(first.watched.get(name)?, peaks.get(name).copied().unwrap_or(0))?;
        Some((name.clone(), usage))
    });
    Report {
        url: load.target.url.clone(),
        mode: if options.closed_loop() { "closed" } else { "open" },
        stream: options.stream,
        rate: options.rate,
        connections: options.connections,
        connections_opened: tally.opened,
        body_bytes: load.target.body_bytes,
        cancelled,
        finished_us: tally.last_end.map_or(0, |end| micros(end.saturating_duration_since(load.measure_from))),
        most_in_flight: all.most_in_flight,
        window: Window {
            seconds,
            completed,
            failed: after.failed - before.failed,
            events: after.events - before.events,
            bytes: after.bytes - before.bytes,
            throughput: if seconds > 0.0 { ratio(completed, seconds) } else { 0.0 },
        },
        totals: Totals {
            sent: all.sent,
            completed: all.completed,
            failed: all.failed,
            events: all.events,
            bytes: all.bytes,
        },
        requests: Requests {
            sent: tally.sent,
            ok: tally.ok,
            answered: tally.answered(),
            failed: tally.failed(),
            unfinished: tally.sent.saturating_sub(tally.answered() + tally.failed()),
            unsent: tally.unsent,
            resent: tally.resent,
        },
        statuses: tally.statuses.clone(),
        errors: tally.errors.iter().map(|(kind, count)| (kind.name(), *count)).collect(),
        error_samples: tally.samples.iter().map(|(kind, text)| (kind.name(), text.clone())).collect(),
        incomplete_streams: tally.incomplete_streams,
        latency_us: tally.latency.summary(),
        first_byte_us: tally.first_byte.summary(),
        gap_us: tally.gap.summary(),
        events_per_stream: tally.events.summary(),
        generator_late: busy || tally.lateness.p99() > options.late_us,
        lateness_us: tally.lateness.summary(),
        send_lag_us: tally.send_lag.summary(),
        connections_exhausted: tally.waited > 0,
        waited_for_connection: tally.waited,
        generator_cpu_us,
        usage: usage.collect(),
    }
}
