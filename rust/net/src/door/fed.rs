//! A request body that Python feeds in parts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::request::BodyFault;

/// Python is asked to wait beyond this.
const HELD_BYTES: usize = 256 * 1024;

#[derive(Debug, Default)]
struct State {
    parts: VecDeque<Bytes>,
    held: usize,
    ended: bool,
    broken: bool,
    wants_room: bool,
    task: Option<Waker>,
    on_room: Option<RoomCall>,
}

/// Called when there is room again.
struct RoomCall(Box<dyn Fn() + Send>);

impl std::fmt::Debug for RoomCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomCall")
    }
}

/// Both ends of the body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fed {
    state: Arc<Mutex<State>>,
    length: Option<u64>,
}

impl Fed {
    /// A body of a known length, or of an unknown one.
    pub(super) fn new(length: Option<u64>, on_room: impl Fn() + Send + 'static) -> Self {
        let state = State { on_room: Some(RoomCall(Box::new(on_room))), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), length }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another part; false where the caller must wait for room before the next.
    pub(super) fn feed(&self, part: Bytes, more: bool) -> bool {
        let mut state = self.lock();
        state.held += part.len();
        if !part.is_empty() {
            state.parts.push_back(part);
        }
        state.ended = !more;
        state.wants_room = more && state.held >= HELD_BYTES;
        if let Some(task) = state.task.take() {
            task.wake();
        }
        !state.wants_room
    }

    /// The client left before the end.
    pub(super) fn break_off(&self) {
        let mut state = self.lock();
        state.broken = !state.ended;
        if let Some(task) = state.task.take() {
            task.wake();
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let mut state = self.lock();
        if let Some(part) = state.parts.pop_front() {
            state.held -= part.len();
            if state.wants_room && state.held < HELD_BYTES / 2 {
                state.wants_room = false;
                if let Some(call) = &state.on_room {
                    (call.0)();
                }
            }
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        if state.broken {
            return Poll::Ready(Some(Err(BodyFault::Left)));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.task = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn is_end(&self) -> bool {
        let state = self.lock();
        state.ended && state.parts.is_empty()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
