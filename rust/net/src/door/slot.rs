//! One answer between an engine thread and an event loop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::inbox::{Completion, Kind, Ready};

/// The engine waits beyond this until Python has taken what is there.
pub(super) const HELD_BYTES: usize = 256 * 1024;

#[derive(Debug, Default)]
struct State {
    held: BytesMut,
    /// Python has sent everything and waits for more.
    waiting: bool,
    finished: Option<Kind>,
    cancelled: bool,
    task: Option<Waker>,
}

/// The shared end.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) ticket: u64,
    ready: Arc<Ready>,
    state: Mutex<State>,
}

impl Slot {
    pub(super) fn new(ticket: u64, ready: Arc<Ready>) -> Self {
        Self { ticket, ready, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a completion to the loop.
    pub(super) fn complete(&self, kind: Kind, bytes: Bytes) {
        self.ready.push(Completion { ticket: self.ticket, kind, status: 0, headers: None, bytes });
    }

    /// Hands the start of the answer to the loop.
    pub(super) fn start(&self, kind: Kind, status: u16, headers: http::HeaderMap, bytes: Bytes) {
        self.ready.push(Completion { ticket: self.ticket, kind, status, headers: Some(headers), bytes });
    }

    /// Hands a whole answer, or the start of one, to the loop, encoded.
    pub(super) fn start_encoded(&self, kind: Kind, status: u16, bytes: Bytes) {
        self.ready.push(Completion { ticket: self.ticket, kind, status, headers: None, bytes });
    }

    /// More bytes of the answer: delivered where the loop waits for them, kept where it is still sending.
    pub(super) fn push(&self, bytes: Bytes) {
        let mut state = self.lock();
        if std::mem::take(&mut state.waiting) {
            drop(state);
            self.complete(Kind::Chunk, bytes);
        } else {
            state.held.extend_from_slice(&bytes);
        }
    }

    /// The answer is over with these bytes.
    pub(super) fn finish(&self, kind: Kind, bytes: Bytes) {
        let mut state = self.lock();
        if std::mem::take(&mut state.waiting) {
            drop(state);
            self.complete(kind, bytes);
        } else {
            state.held.extend_from_slice(&bytes);
            state.finished = Some(kind);
        }
    }

    /// Everything was sent: what has come since, and whether that is the end; or None, and a completion will follow.
    pub(super) fn more(&self) -> Option<(Kind, Bytes)> {
        let mut state = self.lock();
        let is_full = state.held.len() >= HELD_BYTES;
        let bytes = state.held.split().freeze();
        if is_full && let Some(task) = &state.task {
            task.wake_by_ref();
        }
        match state.finished.take() {
            Some(kind) => Some((kind, bytes)),
            None if bytes.is_empty() => {
                state.waiting = true;
                None
            }
            None => Some((Kind::Chunk, bytes)),
        }
    }

    /// The client left.
    pub(super) fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        if let Some(task) = state.task.take() {
            task.wake();
        }
    }

    /// Has the request look at the engine's state.
    pub(super) fn wake(&self) {
        if let Some(task) = &self.lock().task {
            task.wake_by_ref();
        }
    }

    /// Whether the client left.
    pub(super) fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Ready with true once the client left; with false where there is room for more.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if state.cancelled {
            return Poll::Ready(true);
        }
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        if state.held.len() < HELD_BYTES { Poll::Ready(false) } else { Poll::Pending }
    }
}
