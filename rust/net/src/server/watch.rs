//! What a client's connection is doing and since when, so that one sweep a thread can enforce every clock of the
//! listener: no timer is set a request.
//!
//! One thread touches all of this; the atomics are plain moves there, and let hyper hand an upgraded socket on.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use ferrogate_core::snapshot::Limits;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Between requests.
    Idle,
    /// A request's head has begun.
    Head,
    /// A request is being served; only a client that does not read can end it.
    Busy,
}

/// One client connection, seen from the sweep, the socket and the answer. Times are milliseconds from `opened`.
#[derive(Debug)]
pub(crate) struct Watch {
    opened: Instant,
    phase: AtomicU8,
    since: AtomicU64,
    /// Since when the socket has not taken bytes, plus one; 0 while it does.
    stalled: AtomicU64,
    expired: AtomicBool,
    flushes: AtomicU64,
    awaited: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
            expired: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            awaited: AtomicBool::new(false),
            task: Mutex::new(None),
        })
    }

    fn age(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Enters a phase.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.since.store(self.age(Instant::now()), Relaxed);
    }

    /// Bytes came in.
    pub(super) fn read(&self) {
        if self.phase.load(Relaxed) == Phase::Idle as u8 {
            self.enter(Phase::Head);
        }
    }

    /// The socket took bytes, or did not.
    pub(super) fn wrote(&self, accepted: bool) {
        if accepted {
            self.stalled.store(0, Relaxed);
        } else if self.stalled.load(Relaxed) == 0 {
            self.stalled.store(self.age(Instant::now()) + 1, Relaxed);
        }
    }

    /// Everything that was written has been handed to the kernel.
    pub(super) fn flushed(&self) {
        self.flushes.fetch_add(1, Relaxed);
        if self.awaited.swap(false, Relaxed) {
            self.wake();
        }
    }

    /// How many flushes there were; one that comes later covers all that was handed over before. The next one wakes
    /// the connection's task.
    pub(crate) fn await_flush(&self) -> u64 {
        self.awaited.store(true, Relaxed);
        self.flushes()
    }

    /// How many flushes there were.
    pub(crate) fn flushes(&self) -> u64 {
        self.flushes.load(Relaxed)
    }

    /// Whether a clock ran out; registers the connection's task for when one does.
    pub(super) fn poll_expired(&self, cx: &Context<'_>) -> bool {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        self.expired.load(Relaxed)
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }

    fn is_over(&self, now: Instant, limits: &Limits) -> bool {
        let now = self.age(now);
        let longer = |since: u64, limit: Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        let stalled = self.stalled.load(Relaxed);
        if stalled > 0 && longer(stalled - 1, limits.client_stall) {
            return true;
        }
        let since = self.since.load(Relaxed);
        match self.phase.load(Relaxed) {
            phase if phase == Phase::Idle as u8 => longer(since, limits.client_keepalive),
            phase if phase == Phase::Head as u8 => longer(since, limits.client_headers),
            _ => false,
        }
    }
}

/// All client connections of one engine thread.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    open: Mutex<Vec<Weak<Watch>>>,
}

impl Watches {
    pub(super) fn add(&self, watch: &Arc<Watch>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(watch));
    }

    /// Ends the connections whose clock ran out.
    pub(crate) fn sweep(&self, now: Instant, limits: &Limits) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|watch| {
            let Some(watch) = watch.upgrade() else { return false };
            if watch.is_over(now, limits) {
                watch.expired.store(true, Relaxed);
                watch.wake();
            }
            true
        });
    }

    /// Wakes every connection, so that each sees that the gateway is draining.
    pub(crate) fn wake_all(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for watch in open.iter().filter_map(Weak::upgrade) {
            watch.wake();
        }
    }
}
