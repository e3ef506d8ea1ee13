//! What a run found. Times are microseconds, memory kilobytes of 1024 bytes.

use std::collections::BTreeMap;

use serde::Serialize;

/// The shape of one distribution. All zero when nothing was recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Values recorded.
    pub count: u64,
    /// Smallest.
    pub min: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest.
    pub max: u64,
}

/// What happened between the two edges of the measured window, whichever request it belonged to. CPU readings are of
/// the same two moments, so these are what CPU is divided by.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Window {
    /// Length of the window.
    pub seconds: f64,
    /// Whole answers of any status.
    pub completed: u64,
    /// Requests that ended without a whole answer.
    pub failed: u64,
    /// Events of streams.
    pub events: u64,
    /// Body bytes received.
    pub bytes: u64,
    /// `completed` a second.
    pub throughput: f64,
}

/// All that happened from the first request to the end of the time to finish, the warm-up included: what the whole CPU
/// of a server from idle to idle is divided by.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    /// Requests sent.
    pub sent: u64,
    /// Whole answers of any status.
    pub completed: u64,
    /// Requests that ended without a whole answer.
    pub failed: u64,
    /// Events of streams, those of broken and unfinished streams too.
    pub events: u64,
    /// Body bytes received.
    pub bytes: u64,
}

/// The fate of the requests that were planned inside the window.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Requests {
    /// Handed to a connection.
    pub sent: u64,
    /// Whole answers with a status of 200 to 299; a stream must also have ended with `data: [DONE]`.
    pub ok: u64,
    /// Whole answers of any status.
    pub answered: u64,
    /// Ended without a whole answer; `errors` says why.
    pub failed: u64,
    /// Still running when the time to finish was over.
    pub unfinished: u64,
    /// Never sent: no connection came free. Their wait is in no histogram.
    pub unsent: u64,
    /// Sent a second time, because a kept-alive connection had been closed.
    pub resent: u64,
}

/// CPU of the threads whose names share a prefix: `fg-engine-0` and `fg-engine-1` are `fg-engine`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ThreadUsage {
    /// Threads alive at the end of the window.
    pub threads: u64,
    /// CPU time in the window.
    pub cpu_us: u64,
}

/// What watched processes and their children used in the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GroupUsage {
    /// Processes alive at the end of the window.
    pub processes: u64,
    /// CPU time of all threads in the window, user and system.
    pub cpu_us: u64,
    /// The same by thread name.
    pub threads: BTreeMap<String, ThreadUsage>,
    /// Resident memory at the start; pages that processes share count once for each.
    pub rss_start_kb: u64,
    /// Largest resident memory of any reading in the window.
    pub rss_peak_kb: u64,
    /// Resident memory at the end.
    pub rss_end_kb: u64,
    /// Sum of what each process used at most since it started.
    pub rss_highest_kb: u64,
}

/// The whole result.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that a reader looks up one by one, not states of a machine"
)]
pub struct Report {
    /// What was asked, and how.
    pub url: String,
    /// `open` (fixed rate) or `closed` (as fast as the connections go).
    pub mode: &'static str,
    /// Whether streams were asked for.
    pub stream: bool,
    /// Requests a second that were offered; 0 in the closed mode.
    pub rate: f64,
    /// Connections allowed.
    pub connections: usize,
    /// Connections opened, replacements included.
    pub connections_opened: u64,
    /// Size of the request body.
    pub body_bytes: usize,
    /// Ended early by the caller.
    pub cancelled: bool,
    /// From the start of the window to the end of the last answer that is `ok`; 0 where there is none.
    pub finished_us: u64,
    /// The most requests that were in flight at once, in the whole run.
    pub most_in_flight: u64,
    /// What happened inside the window.
    pub window: Window,
    /// What happened in the whole run.
    pub totals: Totals,
    /// What became of the requests planned inside the window.
    pub requests: Requests,
    /// Whole answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Failures by kind: connect, reset, closed, cut, timeout, invalid.
    pub errors: BTreeMap<&'static str, u64>,
    /// One text of each kind.
    pub error_samples: BTreeMap<&'static str, String>,
    /// Streams of status 200 to 299 that were cut or ended without `data: [DONE]`.
    pub incomplete_streams: u64,
    /// Planned time to last byte, of the requests that are `ok`.
    pub latency_us: Summary,
    /// Planned time to first body byte, of the same.
    pub first_byte_us: Summary,
    /// Between two reads of one stream.
    pub gap_us: Summary,
    /// Events in each stream.
    pub events_per_stream: Summary,
    /// The generator's own lateness spoiled the run: its 99th percentile is above `late_us`, or it ran at full CPU.
    pub generator_late: bool,
    /// How late the generator got to planned requests, through no fault of the server.
    pub lateness_us: Summary,
    /// Planned time to sending, waiting for a free connection included.
    pub send_lag_us: Summary,
    /// Some requests found no free connection: the server is slower than the offered rate, or `connections` is small.
    pub connections_exhausted: bool,
    /// How many those were.
    pub waited_for_connection: u64,
    /// The generator threads' CPU in the window; `null` where the system does not tell.
    pub generator_cpu_us: Option<u64>,
    /// By the names of `watch`; empty where the system does not tell.
    pub usage: BTreeMap<String, GroupUsage>,
}

/// Told about twice a second while a load runs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Progress {
    /// `warmup`, `measure` or `drain`.
    pub phase: &'static str,
    /// Seconds since the start of the warm-up.
    pub elapsed_s: f64,
    /// Seconds from the start to the end of the window.
    pub total_s: f64,
    /// Requests sent since the start, of all phases.
    pub sent: u64,
    /// Whole answers.
    pub completed: u64,
    /// Requests without one.
    pub failed: u64,
    /// Events of streams.
    pub events: u64,
    /// Requests in flight now.
    pub in_flight: u64,
    /// Requests waiting for a free connection now.
    pub backlog: u64,
    /// Whole answers a second since the last time.
    pub rate: f64,
}
