//! Changes on their way to the disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// More than this is not kept: the log is then written anew from memory.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// What those who change and the one who writes share.
#[derive(Debug, Default)]
pub(super) struct Pending {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<u8>,
    overflowed: bool,
    stop: bool,
    over: bool,
    asked: u64,
    done: u64,
    failure: Option<String>,
}

/// What the writer is to do.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) records: Vec<u8>,
    /// Records were left out.
    pub(super) overflowed: bool,
}

impl Pending {
    /// Adds a record; `write` appends it.
    pub(super) fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        if state.overflowed {
            return;
        }
        write(&mut state.records);
        if state.records.len() > MOST_BYTES {
            state.records = Vec::new();
            state.overflowed = true;
        }
    }

    pub(super) fn take(&self) -> Taken {
        let mut state = self.state();
        let overflowed = std::mem::take(&mut state.overflowed);
        Taken { records: std::mem::take(&mut state.records), overflowed }
    }

    /// Asks for all that was added to be written, and waits until that was done or has failed.
    pub(super) fn flush(&self) -> Result<(), String> {
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
        state.failure.clone().map_or(Ok(()), Err)
    }

    pub(super) fn stop(&self) {
        self.state().stop = true;
        self.changed.notify_all();
    }

    /// Says that nothing will be written any more.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    /// Waits until somebody asks for a flush or for the end, or the time has passed. Returns how many flushes have been
    /// asked for so far, and whether to stop.
    pub(super) fn wait(&self, at_most: Duration) -> (u64, bool) {
        let idle = |state: &mut State| state.asked == state.done && !state.stop;
        let state = self.changed.wait_timeout_while(self.state(), at_most, idle);
        let (state, _) = state.unwrap_or_else(PoisonError::into_inner);
        (state.asked, state.stop)
    }

    /// Whether somebody waits for a flush or for the end.
    pub(super) fn urgent(&self) -> bool {
        let state = self.state();
        state.asked > state.done || state.stop
    }

    /// Says that all which was added before so many flushes were asked for was tried to be written.
    pub(super) fn done(&self, asked: u64, failure: Option<String>) {
        let mut state = self.state();
        (state.done, state.failure) = (asked, failure);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
