//! What a lane has been through, and what follows from it at a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::breaker::{Breaker, Gate};
use super::ceiling::Ceiling;
use super::cooling::Cooling;
use super::estimate::Estimate;
use super::guard::LaneGuard;
use super::key::KeyHealth;
use super::spread::Spread;
use super::tuning::{CREDIT, FAULT_COSTS, RAMP, RAMP_FROM, UNFELT};
use super::window::Window;
use super::{Class, Hints, Moment, Outcomes};
use crate::error::Kind;

/// One key of one provider for one model. Shared by all engine threads; nothing here locks.
#[derive(Debug)]
pub struct Lane {
    /// The provider's name for the model.
    pub model: Box<str>,
    /// Its place among lanes for rendezvous hashing, the same in every process.
    pub(super) id: u64,
    pub(super) key: Arc<KeyHealth>,
    pub(super) counts: Counts,
    pub(super) ttft: Estimate,
    pub(super) pace: Estimate,
    /// Of first tokens, and of answers in one piece.
    pub(super) spread: Spread,
    pub(super) pieces: Spread,
    pub(super) window: Window,
    pub(super) breaker: Breaker,
    pub(super) ceiling: Ceiling,
    pub(super) cooling: Cooling,
    /// A half-open lane has one probe at a time.
    pub(super) probing: AtomicBool,
    /// Attempts without a first token.
    pub(super) waiting: AtomicU32,
    /// When the last first token or end came, or the first of those that wait was sent.
    pub(super) progress: AtomicU64,
    /// When the last attempt was sent.
    pub(super) begun: AtomicU64,
    /// From when it climbs to its full share; 0 before it is known.
    ramp: AtomicU64,
    /// Outcomes before this second do not count in decisions.
    forgiven: AtomicU64,
}

/// Counters of a lane's life.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) in_flight: AtomicU32,
    pub(super) requests: AtomicU64,
    pub(super) successes: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) cancelled: AtomicU64,
    /// Index into `Kind::ALL` plus one, or 0, and the provider's status above it.
    pub(super) last_failure: AtomicU64,
}

/// Why a lane failed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneFailure {
    /// What happened.
    pub kind: Kind,
    /// The provider's status; 0 where it gave none.
    pub status: u16,
}

impl LaneFailure {
    /// Whose failure it is, by what is known here; a body's code says more.
    pub fn class(self) -> Class {
        if self.status >= 400 { Class::of_status(self.status, None) } else { Class::of_kind(self.kind) }
    }
}

/// Whether a lane may be used, and what keeps it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Ready,
    /// Its breaker lets single probes through.
    Probing,
    /// At its learned ceiling until then.
    Full(Moment),
    /// Its breaker rests until then.
    Resting(Moment),
    /// It refused with 429 until then; `true` where the provider said so.
    Cooling(Moment, bool),
    /// Its key was refused.
    KeyRefused,
}

impl Standing {
    /// The name in logs and in the dashboard.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Probing => "probing",
            Self::Full(_) => "full",
            Self::Resting(_) => "resting",
            Self::Cooling(..) => "cooling",
            Self::KeyRefused => "key refused",
        }
    }

    /// When it ends by itself, where it does.
    pub const fn until(self) -> Option<Moment> {
        match self {
            Self::Full(until) | Self::Resting(until) | Self::Cooling(until, _) => Some(until),
            _ => None,
        }
    }
}

impl Lane {
    pub(super) fn new(model: &str, id: u64, key: Arc<KeyHealth>) -> Self {
        Self {
            model: model.into(),
            id,
            key,
            counts: Counts::default(),
            ttft: Estimate::default(),
            pace: Estimate::default(),
            spread: Spread::default(),
            pieces: Spread::default(),
            window: Window::default(),
            breaker: Breaker::default(),
            ceiling: Ceiling::default(),
            cooling: Cooling::default(),
            probing: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            progress: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            ramp: AtomicU64::new(0),
            forgiven: AtomicU64::new(0),
        }
    }

    /// Counts an attempt in; the guard counts it out, as cancelled where nobody said how it ended.
    pub fn begin(self: &Arc<Self>, now: Moment) -> LaneGuard {
        LaneGuard::new(Arc::clone(self), now)
    }

    /// What a provider says about its limits, on answers and failures alike.
    pub fn hear(&self, now: Moment, hints: &Hints) {
        self.cooling.hear(now, hints);
    }

    /// Attempts that have begun and not ended.
    pub fn in_flight(&self) -> u32 {
        self.counts.in_flight.load(Relaxed)
    }

    /// Those of them that wait for their first token.
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Relaxed)
    }

    /// (attempts, successes, failures, cancelled).
    pub fn counts(&self) -> (u64, u64, u64, u64) {
        let Counts { requests, successes, failures, cancelled, .. } = &self.counts;
        (requests.load(Relaxed), successes.load(Relaxed), failures.load(Relaxed), cancelled.load(Relaxed))
    }

    /// The last failure, where there was one.
    pub fn last_failure(&self) -> Option<LaneFailure> {
        let packed = self.counts.last_failure.load(Relaxed);
        let index = usize::try_from(packed & 0xffff).ok()?.checked_sub(1)?;
        Some(LaneFailure { kind: *Kind::ALL.get(index)?, status: u16::try_from(packed >> 16).unwrap_or(0) })
    }

    /// Time to first token; None before the first.
    pub fn ttft(&self) -> Option<Duration> {
        self.ttft.get().map(Duration::from_secs_f64)
    }

    /// Time per output token; None before the first answer whose length is known.
    pub fn pace(&self) -> Option<Duration> {
        self.pace.get().map(Duration::from_secs_f64)
    }

    /// The exact outcomes of the last 20 s.
    pub fn outcomes(&self, now: Moment) -> Outcomes {
        self.window.sums(now, 0)
    }

    /// Attempts a second that it is held to, where 429s taught that.
    pub fn ceiling(&self, now: Moment) -> Option<f64> {
        self.ceiling.get(now)
    }

    /// After how long without a first token, or without an answer `in_one_piece`, a second lane is worth asking: the p95;
    /// None while that is a guess.
    pub fn hedge_delay(&self, now: Moment, in_one_piece: bool) -> Option<Duration> {
        let spread = if in_one_piece { &self.pieces } else { &self.spread };
        spread.percentile(now, 0.95)
    }

    /// Whether it may be used now.
    pub fn standing(&self, now: Moment) -> Standing {
        if self.key.is_refused() {
            return Standing::KeyRefused;
        }
        if let Some((until, stated)) = self.cooling.until(now) {
            return Standing::Cooling(until, stated);
        }
        match self.breaker.gate(now) {
            Gate::Open(until) => Standing::Resting(until),
            Gate::HalfOpen => Standing::Probing,
            Gate::Closed if self.ceiling.has_room(now) => Standing::Ready,
            Gate::Closed => Standing::Full(self.ceiling.back_at(now)),
        }
    }

    /// What decisions are made by: outcomes since the breaker closed last.
    pub(super) fn judged(&self, now: Moment) -> Outcomes {
        self.window.sums(now, self.forgiven.load(Relaxed))
    }

    /// The breaker closed: what was before is forgiven, and the share climbs anew.
    pub(super) fn forgive(&self, now: Moment) {
        self.forgiven.store(now.seconds(), Relaxed);
        self.ramp.store(now.nanos().max(1), Relaxed);
    }

    /// Its part of its share as a lane that is new or just back, in 0..1. The first call starts the climb.
    pub(super) fn ramp(&self, now: Moment) -> f64 {
        let from = match self.ramp.compare_exchange(0, now.nanos().max(1), Relaxed, Relaxed) {
            Ok(_) => now,
            Err(from) => Moment::from_nanos(from),
        };
        let part = now.since(from).as_secs_f64() / RAMP.as_secs_f64();
        (RAMP_FROM + (1.0 - RAMP_FROM) * part).min(1.0)
    }

    /// For how long those that wait have seen nothing come: a bound from below of the time to first token that needs no
    /// answer, so that a lane that hangs looks slow before the first timeout.
    pub(super) fn stalled(&self, now: Moment) -> Duration {
        if self.waiting() == 0 {
            return Duration::ZERO;
        }
        now.since(Moment::from_nanos(self.progress.load(Relaxed)))
    }

    /// How long a client waits here, in seconds: the first token, failures as if they were slow.
    pub(super) fn cost(&self, now: Moment, outcomes: Outcomes) -> Option<f64> {
        let stalled = self.stalled(now).as_secs_f64();
        let wait = match self.ttft.get() {
            Some(ttft) => ttft.max(stalled).max(UNFELT),
            None if stalled > 1.0 => stalled,
            None => return None,
        };
        let good = f64::from(outcomes.successes) + CREDIT;
        let faults = f64::from(outcomes.faults);
        Some(wait * (1.0 + FAULT_COSTS * faults / (good + faults)))
    }
}
