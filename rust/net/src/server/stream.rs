//! One request on an HTTP/2 connection: its clocks, and whether what was handed over has left.
//!
//! Many requests share a socket, so a socket that takes bytes says nothing about one of them. A part of an answer that
//! waits for the client's window is told from hyper not asking for the next one; a part that has left is told from its
//! bytes being dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::watch::Watch;

/// A request that was given up by then was never meant.
const PREMATURE: Duration = Duration::from_secs(1);

/// One request.
#[derive(Debug)]
pub(crate) struct Stream {
    connection: Arc<Watch>,
    opened: Instant,
    /// Since when a part waits for the client, in milliseconds from `opened`, plus one; 0 while none does.
    waiting: AtomicU64,
    expired: AtomicBool,
    answered: AtomicBool,
    /// Markers that have left.
    left: AtomicU64,
    task: Mutex<Option<Waker>>,
}

impl Stream {
    pub(super) fn open(connection: &Arc<Watch>) -> Arc<Self> {
        let stream = Arc::new(Self {
            connection: Arc::clone(connection),
            opened: Instant::now(),
            waiting: AtomicU64::new(0),
            expired: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            left: AtomicU64::new(0),
            task: Mutex::default(),
        });
        connection.joined(&stream);
        stream
    }

    fn age(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// The answer has no body, and nobody will ask for one.
    pub(super) fn answered(&self) {
        self.answered.store(true, Relaxed);
    }

    /// The next part of the answer is asked for: its head has left, and the last part has found room.
    pub(crate) fn asked(&self) {
        self.answered.store(true, Relaxed);
        self.waiting.store(0, Relaxed);
    }

    /// A part of the answer is handed over.
    pub(crate) fn handed(&self) {
        self.waiting.store(self.age(Instant::now()) + 1, Relaxed);
    }

    /// Whether a part has waited longer than `limit`.
    pub(super) fn is_stalled(&self, now: Instant, limit: Duration) -> bool {
        let waiting = self.waiting.load(Relaxed);
        waiting > 0 && u128::from(self.age(now).saturating_sub(waiting - 1)) > limit.as_millis()
    }

    /// Ends it.
    pub(super) fn expire(&self) {
        self.expired.store(true, Relaxed);
        self.wake();
    }

    /// Whether its clock ran out; registers its task for when it does.
    pub(super) fn poll_expired(&self, cx: &Context<'_>) -> bool {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        self.expired.load(Relaxed)
    }

    /// Wakes its task.
    pub(super) fn wake(&self) {
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }

    /// The last part of an answer: the stream counts as open until it has left.
    pub(crate) fn last(self: &Arc<Self>, data: Bytes) -> Bytes {
        Bytes::from_owner(Last { data, _stream: Arc::clone(self) })
    }

    /// An empty part: once it has left, so has all before it.
    pub(crate) fn marker(self: &Arc<Self>) -> Bytes {
        Bytes::from_owner(Marker(Arc::clone(self)))
    }

    /// Ready once `count` markers have left.
    pub(crate) fn poll_left(&self, count: u64) -> Poll<()> {
        if self.left.load(Relaxed) >= count { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let is_premature = !*self.answered.get_mut() && self.opened.elapsed() < PREMATURE;
        self.connection.parted(is_premature);
    }
}

struct Last {
    data: Bytes,
    _stream: Arc<Stream>,
}

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

struct Marker(Arc<Stream>);

impl AsRef<[u8]> for Marker {
    fn as_ref(&self) -> &[u8] {
        &[]
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, Relaxed);
        self.0.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_waits_is_told_from_a_provider_that_is_quiet() {
        let stream = Stream::open(&Watch::new());
        let later = Instant::now() + Duration::from_secs(400);
        let limit = Duration::from_secs(300);
        assert!(!stream.is_stalled(later, limit), "nothing was handed over");
        stream.handed();
        assert!(stream.is_stalled(later, limit));
        assert!(!stream.is_stalled(Instant::now(), limit));
        stream.asked();
        assert!(!stream.is_stalled(later, limit), "it found room");
    }

    #[test]
    fn what_has_left_is_told_by_its_bytes() {
        let watch = Watch::new();
        let stream = Stream::open(&watch);
        stream.answered();
        let marker = stream.marker();
        assert!(marker.is_empty() && stream.poll_left(1).is_pending());
        drop(marker);
        assert!(stream.poll_left(1).is_ready());
        let last = stream.last(Bytes::from_static(b"end"));
        assert_eq!(&last[..], b"end");
        drop(stream);
        assert!(watch.has_streams(), "the last part is still here");
        drop(last);
        assert!(!watch.has_streams());
    }
}
