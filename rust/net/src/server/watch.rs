//! What a client's connection is doing and since when, so that one sweep a thread can enforce every clock of the
//! listener: no timer is set a request.
//!
//! One thread touches all of this; the atomics are plain moves there, and let hyper hand an upgraded socket on.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use ferrogate_core::snapshot::Limits;

use super::frames::Standing;
use super::stream::Stream;

/// Requests that a client may give up within a second, each within a second of its start and before its answer.
/// More than that is a flood (CVE-2023-44487).
const PREMATURE_A_SECOND: u64 = 100;

/// What a connection is doing. One of HTTP/2 is idle or, with requests on it, busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Between requests.
    Idle,
    /// A request's head has begun.
    Head,
    /// A request is being served; only a client that does not read can end it.
    Busy,
    /// The connection speaks another protocol now.
    Upgraded,
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
    /// Wake-ups of the connection are held back, and one was.
    held: AtomicBool,
    missed: AtomicBool,
    /// An answer may be on its way: from a request's start until its answer has been flushed.
    answering: AtomicBool,
    task: Mutex<Option<Waker>>,
    h2: AtomicBool,
    /// Since when a request's headers have begun on HTTP/2 and are not whole, plus one; 0 where none are.
    headers: AtomicU64,
    streams: Mutex<Vec<Weak<Stream>>>,
    /// The second of the last request that was given up, and how many there were in it.
    premature: Mutex<(u64, u64)>,
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
            held: AtomicBool::new(false),
            missed: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            task: Mutex::new(None),
            h2: AtomicBool::new(false),
            headers: AtomicU64::new(0),
            streams: Mutex::default(),
            premature: Mutex::default(),
        })
    }

    fn age(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Enters a phase. A connection that was upgraded stays so.
    pub(crate) fn enter(&self, phase: Phase) {
        if self.is_in(Phase::Upgraded) {
            return;
        }
        if phase == Phase::Busy {
            self.answering.store(true, Relaxed);
        }
        self.phase.store(phase as u8, Relaxed);
        self.since.store(self.age(Instant::now()), Relaxed);
    }

    pub(super) fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Relaxed) == phase as u8
    }

    /// Whether no answer is on its way: what is said now answers no request.
    pub(super) fn is_unasked(&self) -> bool {
        !self.answering.load(Relaxed) && !self.is_in(Phase::Upgraded)
    }

    /// From here on the connection speaks HTTP/2.
    pub(super) fn become_h2(&self) {
        self.h2.store(true, Relaxed);
        self.enter(Phase::Idle);
    }

    /// What the bytes that came in on HTTP/2 end in.
    pub(super) fn headers(&self, standing: Standing) {
        match standing {
            Standing::Clear => self.headers.store(0, Relaxed),
            Standing::Begun => self.headers.store(self.age(Instant::now()) + 1, Relaxed),
            Standing::Going => {}
        }
    }

    /// A request began on HTTP/2.
    pub(super) fn joined(&self, stream: &Arc<Stream>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(stream));
        drop(streams);
        self.enter(Phase::Busy);
    }

    /// A request on HTTP/2 is over.
    pub(super) fn parted(&self, is_premature: bool) {
        if !self.has_streams() {
            self.enter(Phase::Idle);
        }
        if is_premature && self.is_flooded() {
            self.expire();
        }
    }

    fn is_flooded(&self) -> bool {
        let second = self.opened.elapsed().as_secs();
        let mut premature = self.premature.lock().unwrap_or_else(PoisonError::into_inner);
        *premature = if premature.0 == second { (second, premature.1 + 1) } else { (second, 1) };
        premature.1 > PREMATURE_A_SECOND
    }

    /// Whether a request is open on HTTP/2.
    pub(super) fn has_streams(&self) -> bool {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.iter().any(|stream| stream.strong_count() > 0)
    }

    /// Bytes came in: a connection that was to end for standing idle goes on.
    pub(super) fn read(&self) {
        if self.is_in(Phase::Idle) {
            self.enter(Phase::Head);
            self.expired.store(false, Relaxed);
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
        if !self.is_in(Phase::Busy) {
            self.answering.store(false, Relaxed);
        }
        if self.awaited.swap(false, Relaxed) {
            self.rouse();
        }
    }

    /// How many flushes there were; one that comes later covers all that was handed over before. The next one wakes
    /// the connection's task.
    pub(crate) fn await_flush(&self) -> u64 {
        self.awaited.store(true, Relaxed);
        self.flushes()
    }

    /// Whether the socket takes nothing: then nothing more is handed over. The flush that ends it wakes the task.
    pub(crate) fn holds_back(&self) -> bool {
        let is_full = self.stalled.load(Relaxed) > 0;
        if is_full {
            self.awaited.store(true, Relaxed);
        }
        is_full
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

    /// Whether a clock has run out.
    pub(super) fn is_expired(&self) -> bool {
        self.expired.load(Relaxed)
    }

    /// From here on wake-ups of the connection wait.
    pub(super) fn hold(&self) {
        self.missed.store(false, Relaxed);
        self.held.store(true, Relaxed);
    }

    /// From here on they do not; whether the one that waited counts is the caller's to say.
    pub(super) fn release(&self, counts: bool) {
        self.held.store(false, Relaxed);
        if counts && self.missed.load(Relaxed) {
            self.rouse();
        }
    }

    fn expire(&self) {
        self.expired.store(true, Relaxed);
        self.rouse();
    }

    /// Wakes the connection's task, whatever is held back.
    pub(crate) fn rouse(&self) {
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }

    fn is_over(&self, now: Instant, limits: &Limits) -> bool {
        let (moment, now) = (now, self.age(now));
        let longer = |since: u64, limit: Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        let stalled = self.stalled.load(Relaxed);
        if stalled > 0 && longer(stalled - 1, limits.client_stall) {
            return true;
        }
        let since = self.since.load(Relaxed);
        if self.h2.load(Relaxed) {
            let headers = self.headers.load(Relaxed);
            return (headers > 0 && longer(headers - 1, limits.client_headers))
                || (!self.has_streams() && longer(since, limits.client_keepalive))
                || self.all_stalled(moment, limits.client_stall);
        }
        match self.phase.load(Relaxed) {
            phase if phase == Phase::Idle as u8 => longer(since, limits.client_keepalive),
            phase if phase == Phase::Head as u8 => longer(since, limits.client_headers),
            _ => false,
        }
    }

    /// Ends the requests whose answers wait for the client too long. True where there are such and no others: then the
    /// client reads nothing at all.
    fn all_stalled(&self, now: Instant, limit: Duration) -> bool {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open: Vec<Arc<Stream>> = streams.iter().filter_map(Weak::upgrade).collect();
        drop(streams);
        let stalled = open.iter().filter(|stream| stream.is_stalled(now, limit));
        let count = stalled.inspect(|stream| stream.expire()).count();
        count > 0 && count == open.len()
    }
}

/// What the connection itself is polled with: its wake-ups can be held back.
impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.held.load(Relaxed) {
            self.missed.store(true, Relaxed);
        } else {
            self.rouse();
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
                watch.expire();
            }
            true
        });
    }

    /// Wakes every connection and every request on it, so that each sees what the engine's state has become.
    pub(crate) fn wake_all(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for watch in open.iter().filter_map(Weak::upgrade) {
            watch.rouse();
            let streams = watch.streams.lock().unwrap_or_else(PoisonError::into_inner);
            streams.iter().filter_map(Weak::upgrade).for_each(|stream| stream.wake());
        }
    }
}
