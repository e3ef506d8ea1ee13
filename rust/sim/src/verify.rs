//! Routes whose true error is known, under the verification of semantic hits (`ferrogate_core::cache::verify`).
//!
//! The traffic is synthetic: similarities of hits lie between .8 and 1, denser below; the error falls with similarity, or
//! does not; cosines of right answers are those of two answers to the same prompt, wrong ones are farther apart, and
//! the two overlap a little. No embedder and no model had a part in these numbers.

use ferrogate_core::cache::verify::{Sample, Settings, Verifier};

use crate::random::Random;

/// The threshold from which all start.
pub const CONFIGURED: f32 = 0.8;
/// The share of hits that may be wrong.
pub const TARGET: f64 = 0.02;

/// A route's true error: `at` for a hit at a similarity of .8, and a `falls`-th of that .1 higher.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The share of wrong hits at .8.
    pub at: f64,
    /// By how much it is divided at each tenth of similarity; 1: it is the same at any.
    pub falls: f64,
}

impl Route {
    /// The route whose hits from .8 up are wrong in this share.
    pub fn of(error: f64, falls: f64) -> Self {
        let unit = Self { at: 1.0, falls };
        Self { at: error / unit.above(f64::from(CONFIGURED)).0, falls }
    }

    fn error(&self, similarity: f64) -> f64 {
        (self.at * self.falls.powf((0.8 - similarity) / 0.1)).min(1.0)
    }

    /// The share of hits that one who knows the true error would serve: all from where it is within the target.
    pub fn best(&self) -> f64 {
        let steps = (0..=200u32).map(|step| self.above(0.8 + f64::from(step) / 1000.0));
        steps.filter(|above| above.0 <= TARGET + 1e-9).map(|above| above.1).fold(0.0, f64::max)
    }

    /// The share of wrong hits at or above a threshold, and the share of hits that are there.
    pub fn above(&self, threshold: f64) -> (f64, f64) {
        const POINTS: u32 = 20_000;
        let (mut wrong, mut all) = (0.0, 0.0);
        for point in 0..POINTS {
            let similarity = similarity((f64::from(point) + 0.5) / f64::from(POINTS));
            if similarity >= threshold {
                wrong += self.error(similarity);
                all += 1.0;
            }
        }
        (if all > 0.0 { wrong / all } else { 0.0 }, all / f64::from(POINTS))
    }
}

fn similarity(uniform: f64) -> f64 {
    0.8 + 0.2 * uniform.powf(1.5)
}

/// What became of a route.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Checks before the threshold first rose.
    pub moved: Option<usize>,
    /// The threshold at the end; above 1: off.
    pub threshold: f32,
}

/// Verifies hits of a route until so many checks were made, or its hits are off.
pub fn run(route: &Route, patience: usize, checks: usize, seed: u64) -> Run {
    let verifier = Verifier::new(Settings {
        configured: CONFIGURED,
        target: TARGET,
        share: 1.0,
        per_minute: u32::MAX,
        frozen: false,
        patience,
        embedder: String::new(),
        model: String::new(),
    });
    let (mut random, mut moved, mut done, mut now) = (Random::of(&[seed]), None, 0, 0);
    while done < checks && verifier.threshold() <= 1.0 {
        let similarity = similarity(random.uniform());
        if as_found(similarity) < verifier.threshold() {
            continue;
        }
        now += 60_000;
        if verifier.wants(now, 0.0) == Some(Sample::Check) {
            let wrong = random.uniform() < route.error(similarity);
            verifier.observe(now, as_found(similarity), answers(&mut random, wrong));
            done += 1;
            if moved.is_none() && verifier.threshold() > CONFIGURED {
                moved = Some(done);
            }
        } else {
            verifier.calibrate(answers(&mut random, false));
        }
    }
    Run { moved, threshold: verifier.threshold() }
}

fn answers(random: &mut Random, wrong: bool) -> f32 {
    let distance = if wrong { random.log_normal(0.35, 0.35) } else { random.log_normal(0.06, 0.45) };
    as_found((1.0 - distance).max(-1.0))
}

#[expect(clippy::cast_possible_truncation, reason = "an index gives f32")]
fn as_found(cosine: f64) -> f32 {
    cosine as f32
}
