//! What every way of choosing is asked and told.

use crate::lane::{Live, Seconds};
use crate::random::Random;

/// A question: which lane next?
#[derive(Debug)]
pub struct Ask<'a> {
    /// Virtual time.
    pub now: Seconds,
    /// Lanes that this request has tried.
    pub tried: &'a [usize],
    /// Lanes that are configured now; `false` where a lane has not joined.
    pub present: &'a [bool],
    /// The truth, for the oracle alone.
    pub truth: &'a [Live],
}

impl Ask<'_> {
    /// Lanes that may be chosen.
    pub fn open(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.present.len()).filter(|lane| self.present[*lane] && !self.tried.contains(lane))
    }
}

/// One attempt as a policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Its number in the run.
    pub id: usize,
    /// On which lane.
    pub lane: usize,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// The whole answer, of so many tokens.
    Answered(u32),
    /// A status, after how long, and when it said to come back.
    Failed(u16, Seconds, Option<Seconds>),
    /// No first token in time, after how long.
    TimedOut(Seconds),
    /// The client left.
    Cancelled,
}

/// A way of choosing.
pub trait Policy {
    /// The next lane for a request; None where none is left.
    fn pick(&mut self, ask: &Ask<'_>, random: &mut Random) -> Option<usize>;

    /// A lane was added; those of the start are told at 0.
    fn joined(&mut self, now: Seconds, lane: usize, weight: f64) {
        let _ = (now, lane, weight);
    }

    /// An attempt was sent.
    fn begun(&mut self, now: Seconds, attempt: Attempt) {
        let _ = (now, attempt);
    }

    /// Its first token came, after how long.
    fn first_token(&mut self, now: Seconds, attempt: Attempt, ttft: Seconds) {
        let _ = (now, attempt, ttft);
    }

    /// It ended.
    fn ended(&mut self, now: Seconds, attempt: Attempt, end: End) {
        let _ = (now, attempt, end);
    }
}
