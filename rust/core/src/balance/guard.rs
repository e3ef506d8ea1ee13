//! One running attempt: what it tells its lane, and when.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::breaker::Gate;
use super::lane::{Lane, LaneFailure};
use super::tuning::{BREAKS_BELOW, JUDGED_FROM};
use super::window::Ended;
use super::{Class, Hints, Moment};
use crate::error::Kind;

/// A pace is taken from answers of so many tokens: of fewer, the time is that of the network.
const PACED_FROM: u32 = 8;
/// Before a lane's own proportion is known, a first token is taken to last as long as this many others.
const FIRST_AS_OTHERS: f64 = 40.0;

/// Counts its attempt out when it is dropped, as cancelled where nobody said how it ended. That says nothing about health.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a duty that ends at its own time")]
pub struct LaneGuard {
    lane: Arc<Lane>,
    begun: Moment,
    first: Option<Moment>,
    /// Counted among those that wait for a first token.
    waits: bool,
    /// It comes whole.
    in_one_piece: bool,
    /// Sent while the breaker was not closed.
    trial: bool,
    /// Holds the lane's one probe.
    lease: bool,
    vouched: bool,
    settled: bool,
}

impl LaneGuard {
    pub(super) fn new(lane: Arc<Lane>, now: Moment) -> Self {
        let trial = lane.breaker.gate(now) != Gate::Closed;
        let lease = trial && !lane.probing.swap(true, Relaxed);
        Self::started(lane, now, trial, lease)
    }

    /// The one probe of a half-open lane; None while another one runs.
    pub(super) fn probe(lane: &Arc<Lane>, now: Moment) -> Option<Self> {
        let taken = lane.probing.swap(true, Relaxed);
        (!taken).then(|| Self::started(Arc::clone(lane), now, true, true))
    }

    fn started(lane: Arc<Lane>, now: Moment, trial: bool, lease: bool) -> Self {
        lane.counts.in_flight.fetch_add(1, Relaxed);
        lane.counts.requests.fetch_add(1, Relaxed);
        if lane.waiting.fetch_add(1, Relaxed) == 0 {
            lane.progress.store(now.nanos(), Relaxed);
        }
        lane.begun.store(now.nanos(), Relaxed);
        lane.ceiling.sent(now);
        Self {
            lane,
            begun: now,
            first: None,
            waits: true,
            in_one_piece: false,
            trial,
            lease,
            vouched: false,
            settled: false,
        }
    }

    /// Its lane.
    pub fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// The first content came. Later calls change nothing.
    pub fn first_token(&mut self, now: Moment) {
        if self.first.is_some() {
            return;
        }
        self.first = Some(now);
        let seconds = now.since(self.begun).as_secs_f64();
        self.lane.ttft.observe(now, seconds);
        self.lane.spread.observe(now, seconds);
        self.lane.progress.store(now.nanos(), Relaxed);
        self.no_longer_waits();
        self.vouch(now);
    }

    /// The answer will come in one piece, after a time that grows with its length: nothing follows from a long silence.
    pub fn in_one_piece(&mut self) {
        self.in_one_piece = true;
        self.no_longer_waits();
    }

    fn no_longer_waits(&mut self) {
        if std::mem::replace(&mut self.waits, false) {
            self.lane.waiting.fetch_sub(1, Relaxed);
        }
    }

    /// The whole answer came. `tokens` are those that were put out, where they are known and were waited for: None for an
    /// answer that says nothing about speed.
    pub fn success(mut self, now: Moment, tokens: Option<u32>) {
        self.settled = true;
        self.lane.counts.successes.fetch_add(1, Relaxed);
        self.lane.window.add(now, Ended::Well);
        self.lane.key.restore();
        self.lane.cooling.answered();
        self.vouch(now);
        match (self.first, tokens) {
            (Some(first), Some(tokens)) if tokens >= PACED_FROM => {
                let pace = now.since(first).as_secs_f64() / f64::from(tokens - 1);
                self.lane.pace.observe(now, pace);
            }
            (None, Some(tokens)) => self.whole(now, tokens),
            _ => {}
        }
        if self.in_one_piece {
            self.lane.pieces.observe(now, now.since(self.begun).as_secs_f64());
        }
        self.lane.progress.store(now.nanos(), Relaxed);
    }

    /// The request's deadline passed while nothing had come: the lane's wait is at least as long, and nobody failed.
    pub fn late(self, now: Moment) {
        let seconds = now.since(self.begun).as_secs_f64();
        if self.first.is_none() && self.lane.ttft.get().is_some_and(|ttft| seconds > ttft) {
            self.lane.ttft.observe(now, seconds);
        }
    }

    /// Nothing was sent after all: it never began.
    pub fn withdraw(mut self) {
        self.settled = true;
        self.lane.counts.requests.fetch_sub(1, Relaxed);
    }

    /// It failed; what the provider said about its limits goes with it.
    pub fn failure(mut self, now: Moment, failure: LaneFailure, class: Class, hints: &Hints) {
        self.settled = class != Class::Nobody;
        let lane = &self.lane;
        if self.settled {
            lane.progress.store(now.nanos(), Relaxed);
        }
        match class {
            Class::Nobody => return,
            // The provider did its work; whether it does it well is not known from that.
            Class::Client | Class::Filter => {
                lane.counts.successes.fetch_add(1, Relaxed);
                return;
            }
            Class::Key => lane.key.refuse(),
            Class::Limited => {
                lane.window.add(now, Ended::Limited);
                lane.ceiling.refused(now);
                lane.cooling.refused(now, hints);
            }
            Class::Lane => self.fault(now, hints),
        }
        lane.cooling.hear(now, hints);
        lane.counts.failures.fetch_add(1, Relaxed);
        let index = Kind::ALL.iter().position(|&kind| kind == failure.kind).map_or(0, |at| at as u64 + 1);
        lane.counts.last_failure.store(index | (u64::from(failure.status) << 16), Relaxed);
    }

    fn fault(&self, now: Moment, hints: &Hints) {
        let lane = &self.lane;
        // Slow failures count as slow; fast ones must not count as fast.
        let seconds = now.since(self.begun).as_secs_f64();
        if self.first.is_none() && lane.ttft.get().is_none_or(|ttft| seconds > ttft) {
            lane.ttft.observe(now, seconds);
        }
        lane.window.add(now, Ended::Fault);
        let judged = lane.judged(now);
        let ended = judged.successes + judged.faults;
        let bad = ended >= JUDGED_FROM && f64::from(judged.successes) < f64::from(ended) * BREAKS_BELOW;
        lane.breaker.failed(now, self.trial, bad);
        lane.cooling.told(now, hints);
    }

    /// An answer that came in one piece: its time is split as the lane's first tokens and others stand to each other, so
    /// that a long answer does not look slow.
    fn whole(&self, now: Moment, tokens: u32) {
        let lane = &self.lane;
        let proportion = match (lane.ttft.get(), lane.pace.get()) {
            (Some(ttft), Some(pace)) if pace > 0.0 => ttft / pace,
            _ => FIRST_AS_OTHERS,
        };
        let pace = now.since(self.begun).as_secs_f64() / (f64::from(tokens) + proportion);
        lane.pace.observe(now, pace);
        lane.ttft.observe(now, pace * proportion);
    }

    /// The lane works: its breaker hears of it once an attempt.
    fn vouch(&mut self, now: Moment) {
        if std::mem::replace(&mut self.vouched, true) {
            return;
        }
        self.release();
        if self.lane.breaker.answered(now, self.trial) {
            self.lane.forgive(now);
        }
    }

    fn release(&mut self) {
        if std::mem::replace(&mut self.lease, false) {
            self.lane.probing.store(false, Relaxed);
        }
    }
}

impl Drop for LaneGuard {
    fn drop(&mut self) {
        self.release();
        self.lane.counts.in_flight.fetch_sub(1, Relaxed);
        self.no_longer_waits();
        if !self.settled {
            self.lane.counts.cancelled.fetch_add(1, Relaxed);
        }
    }
}
