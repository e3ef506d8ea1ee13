//! One call of a hook, on its way to the code and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::facts::{AnswerFacts, Facts};
use super::queue::Jobs;
use crate::observe::Stage;

/// What a hook sees.
#[derive(Debug, Clone)]
pub enum Input {
    /// A request's body, or a whole answer's.
    Body(Bytes),
    /// Whole events of a stream, each with the blank line that ends it.
    Events(Vec<Bytes>),
}

/// What becomes of it.
#[derive(Debug)]
pub enum Output {
    /// It passes as it is.
    Unchanged,
    /// Another body, or headers beside.
    Changed(Change),
    /// Other events, in place of those that came.
    Events(Vec<Bytes>),
    /// It goes no further; the text is for the client.
    Vetoed(String),
}

/// What a hook puts in the place of a message.
#[derive(Debug, Default)]
pub struct Change {
    /// The new body; none leaves it.
    pub body: Option<Bytes>,
    /// Headers that are added, each in the place of those of its name.
    pub headers: Vec<(String, String)>,
}

/// Where the time of a call went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Until a thread took it.
    pub queue: Duration,
    /// Until that thread had the GIL.
    pub gil: Duration,
    /// In the code.
    pub run: Duration,
}

/// What came back.
pub(super) struct Done {
    /// The text says what the code raised, for the log.
    pub(super) result: Result<Output, String>,
    pub(super) times: Times,
}

/// A call that waits for the code, or runs.
pub struct Job {
    pub(super) id: u64,
    pub(super) stage: Stage,
    input: Input,
    facts: Arc<Facts>,
    answer: Option<Arc<AnswerFacts>>,
    submitted: Instant,
    pub(super) deadline: Instant,
    pub(super) taken: Instant,
    reply: Option<oneshot::Sender<Done>>,
    /// Counts it as long as anybody works on it.
    jobs: Arc<Jobs>,
}

impl Job {
    pub(super) fn new(
        id: u64,
        stage: Stage,
        input: Input,
        facts: &Arc<Facts>,
        answer: Option<&Arc<AnswerFacts>>,
        deadline: Instant,
        jobs: &Arc<Jobs>,
    ) -> (Self, oneshot::Receiver<Done>) {
        let (reply, receiver) = oneshot::channel();
        let now = Instant::now();
        jobs.outstanding.add();
        let job = Self {
            id,
            stage,
            input,
            facts: Arc::clone(facts),
            answer: answer.cloned(),
            submitted: now,
            deadline,
            taken: now,
            reply: Some(reply),
            jobs: Arc::clone(jobs),
        };
        (job, receiver)
    }

    /// `on_request`, `on_response` or `on_event`.
    pub fn function(&self) -> &'static str {
        self.stage.function()
    }

    /// What the hook sees.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The request that it belongs to.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its answer, where there is one by now.
    pub fn answer(&self) -> Option<&AnswerFacts> {
        self.answer.as_deref()
    }

    /// How long it waited for a thread.
    pub fn queued(&self) -> Duration {
        self.taken.saturating_duration_since(self.submitted)
    }

    /// How long ago a thread took it.
    pub fn since_taken(&self) -> Duration {
        self.taken.elapsed()
    }

    /// What is left of its time.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether anybody waits for what comes of it.
    pub fn is_wanted(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| !reply.is_closed())
    }

    /// Says what came of it: the text of an error is for the log. `gil` and `run` are where the time went since a thread
    /// took it.
    pub fn reply(mut self, result: Result<Output, String>, gil: Duration, run: Duration) {
        let times = Times { queue: self.queued(), gil, run };
        if let Some(reply) = self.reply.take() {
            // Nobody waits any more where the client left, or its time was over.
            let _ = reply.send(Done { result, times });
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.jobs.outstanding.sub();
    }
}
