//! What one exchange tells while it runs: to the live counters that the whole run shares, and about itself.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sse::Events;

/// Counters of the whole run, read at the edges of the window and for progress. Everything that happened is counted
/// at the moment it happened, whichever request it belonged to, so differences match CPU readings of the same moments.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) sent: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) in_flight: AtomicI64,
    pub(crate) most_in_flight: AtomicI64,
    pub(crate) backlog: AtomicI64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    pub(crate) sent: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) in_flight: u64,
    pub(crate) most_in_flight: u64,
    pub(crate) backlog: u64,
}

impl Live {
    pub(crate) fn read(&self) -> Reading {
        let count = |from: &AtomicU64| from.load(Ordering::Relaxed);
        let gauge = |from: &AtomicI64| u64::try_from(from.load(Ordering::Relaxed)).unwrap_or(0);
        Reading {
            sent: count(&self.sent),
            completed: count(&self.completed),
            failed: count(&self.failed),
            events: count(&self.events),
            bytes: count(&self.bytes),
            in_flight: gauge(&self.in_flight),
            most_in_flight: gauge(&self.most_in_flight),
            backlog: gauge(&self.backlog),
        }
    }
}

/// What is seen of one answer's body.
#[derive(Debug)]
pub(crate) struct Observer<'a> {
    live: &'a Live,
    events: Option<Events>,
    gaps: Vec<Duration>,
    keep_gaps: bool,
    pub(crate) first_byte: Option<Instant>,
    pub(crate) last_byte: Option<Instant>,
    /// Anything at all came back, be it half a head.
    pub(crate) answered: bool,
    /// The request went out a second time, because its kept-alive connection had been closed meanwhile.
    pub(crate) resent: bool,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(live: &'a Live, stream: bool, keep_gaps: bool) -> Self {
        Self {
            live,
            events: stream.then(Events::default),
            gaps: Vec::new(),
            keep_gaps: keep_gaps && stream,
            first_byte: None,
            last_byte: None,
            answered: false,
            resent: false,
        }
    }

    /// Body bytes of one read, which ended at `now`.
    pub(crate) fn body(&mut self, bytes: &[u8], now: Instant) {
        self.live.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.first_byte.get_or_insert(now);
        if let Some(events) = &mut self.events {
            let ended = events.feed(bytes);
            if ended > 0 {
                self.live.events.fetch_add(ended, Ordering::Relaxed);
            }
            if self.keep_gaps
                && let Some(last) = self.last_byte
                && last != now
            {
                self.gaps.push(now - last);
            }
        }
        self.last_byte = Some(now);
    }

    /// Times between reads of one stream.
    pub(crate) fn gaps(&self) -> &[Duration] {
        &self.gaps
    }

    pub(crate) fn events(&self) -> Option<&Events> {
        self.events.as_ref()
    }
}
