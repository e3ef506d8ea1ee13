//! What is known of a route, in numbers and in a sentence.

use serde::{Deserialize, Serialize};

/// What counts as a different answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Cut {
    /// Not known yet.
    Few {
        /// Calibrations so far.
        have: usize,
        /// Calibrations that it takes.
        need: usize,
    },
    /// Answers to the same prompt differ too much.
    Blind {
        /// Where the cut would be.
        at: f32,
    },
    /// Below this cosine.
    At {
        /// The cosine of two answers.
        cosine: f32,
        /// The share of right answers that is below it all the same.
        by_chance: f64,
    },
}

/// Where the judgement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// What counts as different is being learned.
    Calibrating,
    /// Nothing can be told.
    Blind,
    /// Too few checks.
    Collecting,
    /// The bound is within the target.
    Within,
    /// The bound is not, and the rate is: more checks decide.
    InDoubt,
    /// Over the target: the threshold rises at the next look, unless it is frozen.
    Over,
    /// Semantic hits are off for the route.
    Off,
}

/// A change of the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Unix milliseconds.
    pub at_ms: u64,
    /// Before.
    pub from: f32,
    /// After; above 1 where semantic hits went off.
    pub to: f32,
    /// Why, for people.
    pub reason: String,
}

/// All of it. Rates are without what is by chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// As the configuration says.
    pub configured: f32,
    /// The similarity that a hit needs now; none where semantic hits are off.
    pub threshold: Option<f32>,
    /// The share of hits that may be wrong.
    pub target: f64,
    /// Where the judgement stands.
    pub phase: Phase,
    /// The same in a sentence.
    pub says: String,
    /// Whether the threshold is kept where it is.
    pub frozen: bool,
    /// Checks at or above the threshold, of those that are kept.
    pub samples: usize,
    /// Those of them whose answers differ, by chance or not; none where nothing tells.
    pub errors: Option<usize>,
    /// The share of wrong hits as seen.
    pub error: Option<f64>,
    /// Above this, with 95 %.
    pub lower: Option<f64>,
    /// Below this, with 95 %.
    pub upper: Option<f64>,
    /// What counts as a different answer.
    pub cut: Cut,
    /// Calibrations that are kept.
    pub calibrations: usize,
    /// Samples that could not be judged, since the last restart.
    pub unjudged: u64,
    /// The newest last.
    pub history: Vec<Move>,
    /// Why something that was learned before was let go.
    pub discarded: Option<String>,
}
