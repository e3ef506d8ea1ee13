//! Changes on their way to the disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Batch, Status};

/// What those who change and the one who writes share.
#[derive(Debug)]
pub(crate) struct Pending<B> {
    most: usize,
    state: Mutex<State<B>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State<B> {
    batch: B,
    overflowed: bool,
    stop: bool,
    over: bool,
    asked: u64,
    done: u64,
    status: Status,
}

/// What the writer is to do.
#[derive(Debug)]
pub(crate) struct Taken<B> {
    pub(crate) batch: B,
    /// Changes were left out.
    pub(crate) overflowed: bool,
}

impl<B: Batch> Pending<B> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn add(&self, add: impl FnOnce(&mut B)) {
        let mut state = self.state();
        if state.overflowed {
            return;
        }
        add(&mut state.batch);
        if state.batch.weight() > self.most {
            state.batch = B::default();
            state.overflowed = true;
            state.status.overflows += 1;
        }
    }

    pub(crate) fn take(&self) -> Taken<B> {
        let mut state = self.state();
        let overflowed = std::mem::take(&mut state.overflowed);
        Taken { batch: std::mem::take(&mut state.batch), overflowed }
    }

    /// Asks for all that was added to be written, and waits until that was done or has failed.
    pub(crate) fn flush(&self) -> Result<(), String> {
        let mut state = self.state();
        state.asked += 1;
        let asked = state.asked;
        self.changed.notify_all();
        while state.done < asked && !state.over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.done < asked {
            return Err("the thread that writes the log has ended".to_owned());
        }
        state.status.failure.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn status(&self) -> Status {
        self.state().status.clone()
    }

    pub(crate) fn stop(&self) {
        self.state().stop = true;
        self.changed.notify_all();
    }

    /// Says that nothing will be written any more.
    pub(crate) fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    /// Waits until somebody asks for a flush or for the end, or the time has passed. Returns how many flushes have been
    /// asked for so far, and whether to stop.
    pub(crate) fn wait(&self, at_most: Duration) -> (u64, bool) {
        let idle = |state: &mut State<B>| state.asked == state.done && !state.stop;
        let state = self.changed.wait_timeout_while(self.state(), at_most, idle);
        let (state, _) = state.unwrap_or_else(PoisonError::into_inner);
        (state.asked, state.stop)
    }

    /// Whether somebody waits for a flush or for the end.
    pub(crate) fn urgent(&self) -> bool {
        let state = self.state();
        state.asked > state.done || state.stop
    }

    /// Says that all which was added before so many flushes were asked for was tried to be written, and what came of it.
    pub(crate) fn done(&self, asked: u64, failure: Option<String>, bytes: u64, rewrites: u64) {
        let mut state = self.state();
        state.done = asked;
        let status = &mut state.status;
        status.failures += u64::from(failure.is_some() && status.failure.is_none());
        (status.failure, status.bytes, status.rewrites) = (failure, bytes, rewrites);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
