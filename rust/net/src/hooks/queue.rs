//! The calls of one hook that wait, and the threads that take them.
//!
//! Threads are started when they are needed and stay. One whose call is over its time is written off, and another one may
//! take its place, so that code that hangs costs its own request and a thread; up to [`MOST_LATE`] of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::hook::Runner;
use super::job::Job;
use crate::shared::Count;

/// Threads that hang; with so many the hook is given up until one of them comes back.
const MOST_LATE: usize = 32;

/// Why a call was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many wait as may.
    Full,
    /// Too many of its threads hang.
    Hung,
    /// The engine ends.
    Closed,
}

/// The calls of one hook.
pub(crate) struct Jobs {
    most_threads: usize,
    /// That wait or run.
    most: usize,
    state: Mutex<State>,
    more: Condvar,
    ids: AtomicU64,
    /// Calls that somebody works on.
    pub(super) outstanding: Count,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    idle: usize,
    threads: usize,
    late: usize,
    running: Vec<Running>,
    closed: bool,
}

impl State {
    /// Writes off the threads of all calls whose time is over.
    fn overdue(&mut self) -> Vec<(u64, u64)> {
        let now = Instant::now();
        let mut found = Vec::new();
        for running in self.running.iter_mut().filter(|running| !running.late && running.deadline < now) {
            running.late = true;
            found.push((running.job, running.thread));
        }
        self.threads -= found.len();
        self.late += found.len();
        found
    }
}

/// A call on a thread.
struct Running {
    job: u64,
    /// As the runner calls it.
    thread: u64,
    deadline: Instant,
    late: bool,
}

/// How much there is of what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    pub(crate) outstanding: usize,
    pub(crate) threads: usize,
    pub(crate) late: usize,
}

impl Jobs {
    pub(super) fn new(threads: usize, queue: usize) -> Arc<Self> {
        Arc::new(Self {
            most_threads: threads.max(1),
            most: threads.max(1) + queue,
            state: Mutex::default(),
            more: Condvar::new(),
            ids: AtomicU64::new(1),
            outstanding: Count::default(),
        })
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Relaxed)
    }

    /// Whether another call may come. Returns calls that are over their time, with their threads, which nobody waits for
    /// any more: their clients left.
    pub(super) fn admit(&self) -> Result<Vec<(u64, u64)>, Refused> {
        let mut state = self.lock();
        let is_busy = state.threads >= self.most_threads && state.idle == 0;
        let overdue = if is_busy { state.overdue() } else { Vec::new() };
        if state.closed {
            Err(Refused::Closed)
        } else if state.threads == 0 && state.late >= MOST_LATE {
            Err(Refused::Hung)
        } else if self.outstanding.get().saturating_sub(state.late) >= self.most {
            Err(Refused::Full)
        } else {
            Ok(overdue)
        }
    }

    /// Queues a call.
    pub(super) fn push(self: &Arc<Self>, job: Job, runner: &Arc<dyn Runner>) {
        let mut state = self.lock();
        state.waiting.push_back(job);
        self.staff(state, runner);
    }

    /// Wakes a thread, or starts one where none is free and one more may be.
    fn staff(self: &Arc<Self>, mut state: MutexGuard<'_, State>, runner: &Arc<dyn Runner>) {
        let starts = state.waiting.len() > state.idle
            && state.threads < self.most_threads
            && state.late < MOST_LATE
            && !state.closed;
        state.threads += usize::from(starts);
        drop(state);
        if !starts {
            self.more.notify_one();
            return;
        }
        let worker = Worker { jobs: Arc::clone(self), counted: AtomicBool::new(true) };
        let runner = Arc::clone(runner);
        // Where no thread can be had the call waits for one that is there, or for its time to be over.
        let _ = thread::Builder::new().name("fg-hook".to_owned()).spawn(move || runner.serve(&worker));
    }

    /// Nobody waits for a call: where it has not begun it does not.
    pub(super) fn forget(&self, job: u64) {
        let mut state = self.lock();
        let at = state.waiting.iter().position(|waiting| waiting.id == job);
        let removed = at.and_then(|at| state.waiting.remove(at));
        drop(state);
        drop(removed);
    }

    /// The time of a call is over. One that waits is taken out; of one that runs the thread is written off and named, and
    /// another one takes its place.
    pub(super) fn give_up(self: &Arc<Self>, job: u64, runner: &Arc<dyn Runner>) -> Option<u64> {
        let mut state = self.lock();
        if let Some(at) = state.waiting.iter().position(|waiting| waiting.id == job) {
            let removed = state.waiting.remove(at);
            drop(state);
            drop(removed);
            return None;
        }
        let running = state.running.iter_mut().find(|running| running.job == job && !running.late)?;
        running.late = true;
        let thread = running.thread;
        state.threads -= 1;
        state.late += 1;
        if !state.waiting.is_empty() {
            self.staff(state, runner);
        }
        Some(thread)
    }

    /// Whether a call still runs.
    pub(super) fn runs(&self, job: u64) -> bool {
        self.lock().running.iter().any(|running| running.job == job)
    }

    /// No more calls: threads end, and what waits is dropped.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.more.notify_all();
        drop(waiting);
    }

    /// The threads of calls that run, to be interrupted at an end.
    pub(super) fn stragglers(&self) -> Vec<(u64, u64)> {
        self.lock().running.iter().map(|running| (running.job, running.thread)).collect()
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        let outstanding = self.outstanding.get().saturating_sub(state.late);
        Load { outstanding, threads: state.threads, late: state.late }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread of a hook, as its [`Runner`] holds it.
pub struct Worker {
    jobs: Arc<Jobs>,
    counted: AtomicBool,
}

impl Worker {
    /// Waits for a call; none where there will be no more. `thread` is what [`Runner::interrupt`] is to be told.
    pub fn next(&self, thread: u64) -> Option<Job> {
        let mut state = self.jobs.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(mut job) = state.waiting.pop_front() {
                if !job.is_wanted() {
                    drop(state);
                    drop(job);
                    state = self.jobs.lock();
                    continue;
                }
                job.taken = Instant::now();
                state.running.push(Running { job: job.id, thread, deadline: job.deadline, late: false });
                return Some(job);
            }
            state.idle += 1;
            state = self.jobs.more.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The code of a call returned, or was handed to an event loop. False where the thread is to end: it had been written
    /// off, and an interruption may still be on its way to it.
    pub fn finished(&self, job: u64) -> bool {
        let mut state = self.jobs.lock();
        let at = state.running.iter().position(|running| running.job == job);
        let late = at.is_some_and(|at| state.running.swap_remove(at).late);
        if late {
            state.late -= 1;
            self.counted.store(false, Relaxed);
        }
        !late
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.counted.load(Relaxed) {
            self.jobs.lock().threads -= 1;
        }
    }
}

impl Job {
    /// Its number among the hook's calls.
    pub fn id(&self) -> u64 {
        self.id
    }
}
