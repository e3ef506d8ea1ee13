//! What was learned, as it is kept over a restart, and how much of it holds afterwards.

use serde::{Deserialize, Serialize};

use super::calibration::Calibrations;
use super::checks::{Check, Checks};
use super::report::Move;
use super::state::{HISTORY, State};
use super::{BETWEEN, OFF, Settings};

/// What a verifier learned, and under which settings. A document of another shape is an error of serde's: then there is
/// nothing to go on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    pub(super) embedder: String,
    pub(super) model: String,
    pub(super) configured: f32,
    pub(super) target: f64,
    pub(super) threshold: f32,
    pub(super) since: usize,
    pub(super) checks: Vec<Check>,
    pub(super) calibrations: Vec<f32>,
    pub(super) history: Vec<Move>,
}

impl Learned {
    /// Whether there is anything in it.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.calibrations.is_empty() && self.history.is_empty()
    }

    /// The state that goes on from this.
    ///
    /// Cosines belong to an embedder, answers to a model, and checks below a threshold are missing above another: where
    /// one of these changed, all is let go. A target that was lowered can be judged by what is there. One that was
    /// raised leaves only the calibrations: the threshold may have risen further than it asks for, and
    /// the checks below are gone.
    pub(super) fn state(self, settings: &Settings) -> State {
        let mut state = State::new(settings);
        let history = self.history.len().saturating_sub(HISTORY);
        state.history = self.history.iter().skip(history).cloned().collect();
        state.discarded = self.outdated(settings);
        if state.discarded.is_some() {
            return state;
        }
        let same = self.calibrations.into_iter().filter(|cosine| cosine.is_finite());
        state.recall(settings, Calibrations::of(same));
        if settings.target > self.target && self.threshold > settings.configured {
            let (before, now) = (self.target, settings.target);
            state.discarded =
                Some(format!("the target was {before} and is {now}: the threshold starts anew"));
            return state;
        }
        // What is written is not trusted to be what was written.
        state.threshold = match self.threshold {
            risen if risen > 1.0 => OFF,
            risen => risen.max(settings.configured),
        };
        state.since = self.since.min(BETWEEN);
        let finite = |check: &Check| check.similarity.is_finite() && check.answers.is_finite();
        state.checks = Checks::of(self.checks.into_iter().filter(finite));
        state.checks.drop_below(state.threshold);
        state
    }

    fn outdated(&self, settings: &Settings) -> Option<String> {
        let changed = |what: &str, before: &str, now: &str| {
            (before != now)
                .then(|| format!("{what} was {before} and is {now}: what was learned no longer holds"))
        };
        changed("the embedder", &self.embedder, &settings.embedder)
            .or_else(|| changed("the model", &self.model, &settings.model))
            .or_else(|| {
                let (before, now) = (self.configured.to_string(), settings.configured.to_string());
                changed("the configured threshold", &before, &now)
            })
    }
}
