//! Whether semantic hits are right, judged while they are served, and a threshold that rises where too many are not.
//!
//! A small share of the hits of a route is asked upstream as well, in the background. The answer that was served and
//! the new one are compared by embedding; where they differ, the hit counts as an error. The caller makes the calls and
//! the embeddings. Answers over the embedder's limit are not judged: of those it says [`Verifier::unjudged`].
//!
//! # What counts as a different answer
//! A model answers the same prompt differently each time. So some prompts are sent twice ([`Sample::Calibration`]), and
//! the cut is a low quantile of those cosines: the k-th lowest of n with k = (n + 1) times a quarter of the target, at
//! least the lowest. Of right answers, k / (n + 1) are then called different **by chance**; that share is expected, and is taken
//! off every rate below. No check counts before there are 4 / target calibrations (200 for 2 %, 800 at most),
//! so that it is a quarter of the target. Checks keep their cosine and are judged anew by each cut; so they may come first.
//!
//! - A cut below [`BLIND`]: answers to the same prompt differ so much that a wrong one cannot be told. Nothing counts,
//!   nothing moves, and the report says so.
//! - A cut is never above [`ALIKE`]: where a model says the same words each time (temperature 0), another wording of the
//!   question still brings other words.
//!
//! # Which samples count
//! A check at a question similarity s says something about all thresholds up to s. So the rate of a threshold is that of
//! the checks at or above it. Where the threshold rises, the checks below it are dropped: it never falls, so nothing
//! will ask for them. Samples are drawn evenly from hits, so a question that is asked often weighs as much as
//! it is served. The last [`WINDOW`] checks and [`CALIBRATIONS`] calibrations are kept; older ones say how models and
//! questions were, not how they are.
//!
//! # When the threshold rises
//! The bound is Wilson's, upper, **one-sided 95 %** (z = 1.645): the question is only whether the error is too high. A
//! threshold is *within* the target where that bound is. It rises when all of this holds:
//!
//! 1. at least [`LEAST`] checks stand at or above it,
//! 2. their bound is over the target,
//! 3. the rate itself is over the target too, or [`Settings::patience`] checks (1,000) have not brought the bound within it.
//!
//! Without the third, 200 checks would decide: at a target of 2 % one error is too much for the bound, and where the true
//! error is 0.5 %, 63 of 100 samples have one. With it, a route is in doubt until there is evidence, one way or the
//! other. An error of more than about half of the target can often not be shown to be within it, and then raises the
//! threshold too.
//!
//! # Where it rises to
//! The lowest step of [`STEP`] at which the bound is within the target. Where that is shown of none, the lowest
//! with at least [`TRIAL`] checks whose rate as seen is within it: on trial, until 200 checks stand there. Where there is no
//! such step either, semantic hits are [`OFF`] for the route, and only [`Verifier::reset`] or other settings bring them back.
//! To take the best of some forty steps is to look for luck. What corrects it is that checks go on, at the new threshold.
//!
//! # Repeated looks
//! Who looks often enough sees every bound exceeded once. So a look needs [`BETWEEN`] new checks; they are at most 20 a
//! window. The bound is not widened for the looks that remain: that would make a route with too many errors wait
//! for hundreds of checks more. What they cost in false alarms is simulated (`rust/sim/examples/verify.rs`) and written in
//! `docs/caching.md`.
//!
//! # What it cannot see
//! Answers that differ by a word ("yes", "no"; 30 or 60 days) are near each other for an embedder. What it sees of them
//! depends on how much answers to the same prompt differ. So a rate within the target is not a proof.

mod budget;
mod calibration;
mod checks;
mod learned;
mod report;
mod state;
mod wilson;

#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use learned::Learned;
pub use report::{Cut, Move, Phase, Report};
use state::State;

/// Checks that a threshold needs before it may be left.
pub const LEAST: usize = 200;
/// Checks between two looks.
pub const BETWEEN: usize = 100;
/// Checks that are kept.
pub const WINDOW: usize = 2000;
/// Calibrations that are kept.
pub const CALIBRATIONS: usize = 800;
/// Checks that a threshold needs to be tried.
pub const TRIAL: usize = 50;
/// Thresholds that are tried are multiples of this.
pub const STEP: f32 = 0.005;
/// A cut below this tells nothing: so far apart are answers to questions that merely have a subject in common.
pub const BLIND: f32 = 0.6;
/// Answers at least this near to each other are never called different.
pub const ALIKE: f32 = 0.95;
/// The threshold of a route whose semantic hits are off: no cosine reaches it.
pub const OFF: f32 = 2.0;

/// What is asked of a route, and for whom what was learned holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The threshold that the configuration says; it is never undercut.
    pub configured: f32,
    /// The share of hits that may be wrong.
    pub target: f64,
    /// The share of hits that is verified.
    pub share: f64,
    /// Background calls in any minute; a check is one, a calibration two.
    pub per_minute: u32,
    /// The threshold stays where it is; all is counted and shown.
    pub frozen: bool,
    /// Checks that may pass in doubt; [`PATIENCE`] unless it is simulated otherwise.
    pub patience: usize,
    /// The embedder's id and hash.
    pub embedder: String,
    /// The model, or the models, that answer.
    pub model: String,
}

/// The usual [`Settings::patience`].
pub const PATIENCE: usize = 1000;

/// What to do with a hit beside serving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sample {
    /// Send the client's prompt once and compare with the answer that was served.
    Check,
    /// Send the client's prompt twice and compare the two answers.
    Calibration,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answers agree.
    Alike,
    /// They do not: the hit was wrong, as far as can be told.
    Different,
    /// There is no cut yet, or none that tells anything.
    Untold,
}

/// The judgement of one route. Shared by all threads; a hit costs a comparison, a verified hit a lock.
#[derive(Debug)]
pub struct Verifier {
    settings: Settings,
    threshold: AtomicU32,
    state: Mutex<State>,
}

impl Verifier {
    /// One that knows nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self::with(State::new(&settings), settings)
    }

    /// One that goes on from what was learned, as far as it holds under these settings. The report says what does not.
    pub fn restore(settings: Settings, learned: Learned) -> Self {
        Self::with(learned.state(&settings), settings)
    }

    fn with(state: State, settings: Settings) -> Self {
        Self { threshold: AtomicU32::new(state.threshold().to_bits()), settings, state: Mutex::new(state) }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The similarity that a hit needs now; [`OFF`] where none will do.
    pub fn threshold(&self) -> f32 {
        f32::from_bits(self.threshold.load(Ordering::Relaxed))
    }

    /// Whether this hit is verified, and how. `uniform` is drawn from [0, 1); times are Unix milliseconds. What is
    /// returned has been taken off the budget.
    pub fn wants(&self, now_ms: u64, uniform: f64) -> Option<Sample> {
        // A negated comparison would let NaN through.
        if uniform < self.settings.share { self.lock().wants(&self.settings, now_ms, uniform) } else { None }
    }

    /// Takes in a check: the similarity of the two questions as the index gave it, the cosine of the two answers.
    pub fn observe(&self, now_ms: u64, similarity: f32, answers: f32) -> Verdict {
        let mut state = self.lock();
        let verdict = state.observe(&self.settings, now_ms, similarity, answers);
        self.threshold.store(state.threshold().to_bits(), Ordering::Relaxed);
        verdict
    }

    /// Takes in a calibration: the cosine of two answers to one prompt.
    pub fn calibrate(&self, answers: f32) {
        self.lock().calibrate(&self.settings, answers);
    }

    /// A sample that came to nothing: an answer over the embedder's limit, a failed call, an answer with tools. Where nearly
    /// all do, samples become ten times rarer.
    pub fn unjudged(&self) {
        self.lock().unjudged();
    }

    /// Forgets all and goes back to the configured threshold: the only way down.
    pub fn reset(&self, now_ms: u64) {
        let mut state = self.lock();
        state.reset(&self.settings, now_ms);
        self.threshold.store(state.threshold().to_bits(), Ordering::Relaxed);
    }

    /// What is known, for people and programs.
    pub fn report(&self) -> Report {
        self.lock().report(&self.settings)
    }

    /// What was learned, to be kept over a restart.
    pub fn snapshot(&self) -> Learned {
        self.lock().learned(&self.settings)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
