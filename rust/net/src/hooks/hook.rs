//! One hook: its code, its threads, and a call of it within its time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::facts::{AnswerFacts, Facts};
use super::job::{Input, Job, Output, Times};
use super::queue::{Jobs, Refused};
use crate::observe::{HookFigures, Stage};

/// The code of a hook.
pub trait Runner: Send + Sync {
    /// Serves the calls of [`Worker::next`](super::Worker::next) until there are none, on a thread of its own.
    fn serve(&self, worker: &super::Worker);

    /// Tries to end what runs on `thread`, as long as `still` says that it is the call which is meant.
    /// On a thread that may wait for the GIL.
    fn interrupt(&self, thread: u64, still: &dyn Fn() -> bool);
}

/// A hook as it is installed.
#[derive(Clone)]
pub struct HookSpec {
    /// By which snapshots know it.
    pub id: u64,
    /// In metrics and in the log.
    pub name: String,
    /// Threads that run it at one time, at most.
    pub threads: usize,
    /// Calls that wait, at most.
    pub queue: usize,
    /// The code.
    pub runner: Arc<dyn Runner>,
}

/// An installed hook.
pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
    pub(crate) figures: Arc<HookFigures>,
    pub(crate) jobs: Arc<Jobs>,
    runner: Arc<dyn Runner>,
}

/// Why a hook did not do its work.
#[derive(Debug)]
pub(super) enum Fault {
    /// It raised, or returned what means nothing.
    Raised(String),
    /// Its time was over.
    Late,
    /// As many calls wait as may.
    Full,
    /// Too many of its threads hang.
    Hung,
    /// The engine ends, or its thread is gone.
    Gone,
}

impl Fault {
    pub(super) fn outcome(&self) -> crate::observe::HookOutcome {
        use crate::observe::HookOutcome as Outcome;
        match self {
            Self::Raised(_) | Self::Gone => Outcome::Raised,
            Self::Late => Outcome::Late,
            Self::Full | Self::Hung => Outcome::Full,
        }
    }

    /// For the log.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Raised(text) => text,
            Self::Late => "it took too long",
            Self::Full => "too many calls wait for it",
            Self::Hung => "too many of its threads hang",
            Self::Gone => "its thread ended",
        }
    }
}

impl Hook {
    pub(super) fn new(spec: HookSpec, figures: Arc<HookFigures>) -> Self {
        let HookSpec { id, name, threads, queue, runner } = spec;
        Self { id, name: name.into(), figures, jobs: Jobs::new(threads, queue), runner }
    }

    /// One call, within `limit`.
    pub(super) async fn call(
        &self,
        stage: Stage,
        input: Input,
        facts: &Arc<Facts>,
        answer: Option<&Arc<AnswerFacts>>,
        limit: Duration,
    ) -> (Result<Output, Fault>, Times) {
        let begun = Instant::now();
        let overdue = match self.jobs.admit() {
            Ok(overdue) => overdue,
            Err(Refused::Full) => return (Err(Fault::Full), Times::default()),
            Err(Refused::Hung) => return (Err(Fault::Hung), Times::default()),
            Err(Refused::Closed) => return (Err(Fault::Gone), Times::default()),
        };
        for (job, thread) in overdue {
            self.interrupt(job, thread);
        }
        let id = self.jobs.next_id();
        let deadline = begun + limit;
        let (job, reply) = Job::new(id, stage, input, facts, answer, deadline, &self.jobs);
        self.jobs.push(job, &self.runner);
        let mut waiting = Waiting { hook: self, job: Some(id) };
        let done = timeout_at(deadline.into(), reply).await;
        waiting.job = None;
        let Ok(done) = done else {
            self.give_up(id);
            return (Err(Fault::Late), Times { run: begun.elapsed(), ..Times::default() });
        };
        done.map_or((Err(Fault::Gone), Times::default()), |done| {
            (done.result.map_err(Fault::Raised), done.times)
        })
    }

    /// Takes a waiting call out, or interrupts the one that runs.
    fn give_up(&self, job: u64) {
        if let Some(thread) = self.jobs.give_up(job, &self.runner) {
            self.interrupt(job, thread);
        }
    }

    /// On a thread that may wait for the GIL.
    fn interrupt(&self, job: u64, thread: u64) {
        let (jobs, runner) = (Arc::clone(&self.jobs), Arc::clone(&self.runner));
        let interrupt = move || runner.interrupt(thread, &|| jobs.runs(job));
        let _ = std::thread::Builder::new().name("fg-hook-end".to_owned()).spawn(interrupt);
    }

    /// Ends its threads; those that run code are interrupted.
    pub(super) fn close(&self) {
        self.jobs.close();
        for (job, thread) in self.jobs.stragglers() {
            self.runner.interrupt(thread, &|| self.jobs.runs(job));
        }
    }
}

/// A call that is waited for. Where the client leaves, what has not begun is not begun.
struct Waiting<'a> {
    hook: &'a Hook,
    job: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(job) = self.job {
            self.hook.jobs.forget(job);
        }
    }
}
