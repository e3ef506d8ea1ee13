//! One call of a provider for all who ask for the same at the same time.
//!
//! The call runs in a task of its own, so that no client's leaving ends it while another one waits; those who ride along
//! read what has come from the beginning and then follow. Once the last one has left, the call is cancelled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::task::AbortHandle;

/// Where more than this waits for the fastest rider, the call stands still. Once more than this has come, nobody else may
/// come on board, and what all have read is let go.
const AHEAD: usize = 4 << 20;
/// A rider that is so far behind the call is left behind.
const BEHIND: usize = 4 * AHEAD;

/// How an answer begins.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Whole.
    Landed,
    /// Broken, or an error of the provider.
    Crashed,
    /// There was no answer that others may have.
    Grounded,
}

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    pieces: Vec<Bytes>,
    bytes: usize,
    end: Option<End>,
    riders: Vec<Option<Place>>,
    /// The call waits for a rider to read on.
    pilot: Option<Waker>,
    task: Option<AbortHandle>,
}

/// How far one rider has read.
#[derive(Debug, Default)]
struct Place {
    next: usize,
    read: usize,
    waker: Option<Waker>,
}

/// One call.
#[derive(Debug, Default)]
pub(crate) struct Flight(Mutex<State>);

/// One who rides along.
#[derive(Debug)]
pub(crate) struct Rider {
    flight: Arc<Flight>,
    seat: usize,
}

impl Flight {
    /// Takes a seat; None where the beginning can be had no more, or the call is over.
    pub(crate) fn board(self: &Arc<Self>) -> Option<Rider> {
        let mut state = self.lock();
        if state.bytes > AHEAD || state.end.is_some() {
            return None;
        }
        state.riders.push(Some(Place::default()));
        Some(Rider { flight: Arc::clone(self), seat: state.riders.len() - 1 })
    }

    /// The task that flies it, to be ended when the last rider has left.
    pub(crate) fn flown_by(&self, task: AbortHandle) {
        let mut state = self.lock();
        if state.riders.iter().all(Option::is_none) {
            task.abort();
        }
        state.task = Some(task);
    }

    /// The answer begins.
    pub(crate) fn begin(&self, head: Head) {
        let mut state = self.lock();
        state.head = Some(head);
        state.wake();
    }

    /// More of it; ready once there is room for it.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        let furthest = state.riders.iter().flatten().map(|place| place.read).max().unwrap_or(state.bytes);
        if state.bytes - furthest < AHEAD {
            return Poll::Ready(());
        }
        state.pilot = Some(cx.waker().clone());
        Poll::Pending
    }

    /// More of it.
    pub(crate) fn push(&self, piece: Bytes) {
        let mut state = self.lock();
        state.bytes += piece.len();
        state.pieces.push(piece);
        if state.bytes > AHEAD {
            state.let_go();
        }
        state.wake();
    }

    /// It is over. Returns all that came, where it is still here.
    pub(crate) fn end(&self, end: End) -> Option<Vec<Bytes>> {
        let mut state = self.lock();
        state.end.get_or_insert(end);
        state.wake();
        (state.bytes <= AHEAD).then(|| state.pieces.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets go of what all have read, and of riders that cannot keep up.
    fn let_go(&mut self) {
        let bytes = self.bytes;
        for place in &mut self.riders {
            if place.as_ref().is_some_and(|place| bytes - place.read > BEHIND)
                && let Some(waker) = place.take().and_then(|place| place.waker)
            {
                waker.wake();
            }
        }
        let read = self.riders.iter().flatten().map(|place| place.next).min().unwrap_or(0);
        self.pieces.iter_mut().take(read).for_each(|piece| *piece = Bytes::new());
    }

    fn wake(&mut self) {
        for waker in self.riders.iter_mut().flatten().filter_map(|place| place.waker.take()) {
            waker.wake();
        }
    }
}

impl Rider {
    /// The one for whom the call is made.
    pub(super) fn first(flight: &Arc<Flight>) -> Self {
        let mut state = flight.lock();
        state.riders.push(Some(Place::default()));
        Self { flight: Arc::clone(flight), seat: state.riders.len() - 1 }
    }

    /// How the answer begins; None where there is none that others may have.
    pub(crate) fn poll_head(&self, cx: &Context<'_>) -> Poll<Option<Head>> {
        let mut state = self.flight.lock();
        if let Some(head) = &state.head {
            return Poll::Ready(Some(head.clone()));
        }
        if state.end.is_some() {
            return Poll::Ready(None);
        }
        self.wait(&mut state, cx);
        Poll::Pending
    }

    /// The next piece, or how it ended.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Result<Bytes, End>> {
        let mut state = self.flight.lock();
        let State { pieces, riders, pilot, end, .. } = &mut *state;
        let Some(place) = riders.get_mut(self.seat).and_then(Option::as_mut) else {
            return Poll::Ready(Err(End::Crashed));
        };
        if let Some(piece) = pieces.get(place.next) {
            place.next += 1;
            place.read += piece.len();
            if let Some(pilot) = pilot.take() {
                pilot.wake();
            }
            return Poll::Ready(Ok(piece.clone()));
        }
        if let Some(end) = end {
            return Poll::Ready(Err(*end));
        }
        self.wait(&mut state, cx);
        Poll::Pending
    }

    fn wait(&self, state: &mut State, cx: &Context<'_>) {
        if let Some(place) = state.riders.get_mut(self.seat).and_then(Option::as_mut) {
            place.waker = Some(cx.waker().clone());
        }
    }
}

impl Drop for Rider {
    fn drop(&mut self) {
        let mut state = self.flight.lock();
        if let Some(place) = state.riders.get_mut(self.seat) {
            *place = None;
        }
        if let Some(pilot) = state.pilot.take() {
            pilot.wake();
        }
        if state.end.is_none()
            && state.riders.iter().all(Option::is_none)
            && let Some(task) = state.task.take()
        {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(rider: &Rider) -> Poll<Result<Bytes, End>> {
        rider.poll_next(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn whoever_comes_late_gets_the_beginning() {
        let flight = Arc::new(Flight::default());
        let early = flight.board().unwrap();
        flight.push(Bytes::from_static(b"a"));
        let late = flight.board().unwrap();
        flight.push(Bytes::from_static(b"b"));
        for rider in [&early, &late] {
            assert_eq!(next(rider), Poll::Ready(Ok(Bytes::from_static(b"a"))));
            assert_eq!(next(rider), Poll::Ready(Ok(Bytes::from_static(b"b"))));
            assert_eq!(next(rider), Poll::Pending);
        }
        assert_eq!(flight.end(End::Landed).unwrap().len(), 2);
        assert_eq!(next(&early), Poll::Ready(Err(End::Landed)));
        assert!(flight.board().is_none());
    }

    #[test]
    fn the_fastest_rider_sets_the_pace_and_nobody_holds_the_others_up() {
        let flight = Arc::new(Flight::default());
        let (slow, fast) = (flight.board().unwrap(), flight.board().unwrap());
        let room = || flight.poll_room(&Context::from_waker(Waker::noop()));
        flight.push(Bytes::from(vec![0; AHEAD]));
        assert_eq!(room(), Poll::Pending);
        assert!(next(&fast).is_ready());
        assert_eq!(room(), Poll::Ready(()));
        flight.push(Bytes::from_static(b"more"));
        assert!(flight.board().is_none(), "too late");
        drop(fast);
        assert_eq!(room(), Poll::Pending, "now the slow one is the fastest");
        flight.push(Bytes::from(vec![0; BEHIND]));
        assert_eq!(next(&slow), Poll::Ready(Err(End::Crashed)), "left behind");
        assert_eq!(room(), Poll::Ready(()));
        assert_eq!(flight.end(End::Landed), None);
    }
}
