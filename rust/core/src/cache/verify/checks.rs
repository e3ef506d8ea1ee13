//! The checks that are kept, and what they say about a threshold.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::wilson::Rate;
use super::{OFF, STEP, TRIAL, WINDOW};

/// One verified hit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Check {
    /// Of the two questions.
    pub(super) similarity: f32,
    /// Of the two answers; judged by the cut of the day.
    pub(super) answers: f32,
}

/// How many there are, and how many of them are wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) samples: usize,
    pub(super) errors: usize,
}

/// What is judged by: below `cosine` answers differ, as `by_chance` of the right ones do; `target` may be wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    pub(super) cosine: f32,
    pub(super) by_chance: f64,
    pub(super) target: f64,
}

impl Measure {
    pub(super) fn rate(&self, tally: Tally) -> Rate {
        Rate::of(tally.errors, tally.samples).beyond(self.by_chance)
    }

    /// Not shown, and worth a trial: the rate as seen is within.
    fn likely(&self, tally: Tally) -> bool {
        tally.samples >= TRIAL && self.rate(tally).seen <= self.target
    }
}

/// Where a threshold goes, and on what ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    Shown(f32, Tally),
    Trial(f32, Tally),
    Off,
}

impl Next {
    pub(super) const fn threshold(&self) -> f32 {
        match *self {
            Self::Shown(threshold, _) | Self::Trial(threshold, _) => threshold,
            Self::Off => OFF,
        }
    }
}

/// The newest last.
#[derive(Debug, Default)]
pub(super) struct Checks(VecDeque<Check>);

impl Checks {
    pub(super) fn of(checks: impl IntoIterator<Item = Check>) -> Self {
        let mut found = Self::default();
        checks.into_iter().for_each(|check| found.add(check));
        found
    }

    pub(super) fn add(&mut self, check: Check) {
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(check);
    }

    pub(super) fn all(&self) -> Vec<Check> {
        self.0.iter().copied().collect()
    }

    /// Nothing will ask for those below again.
    pub(super) fn drop_below(&mut self, threshold: f32) {
        self.0.retain(|check| check.similarity >= threshold);
    }

    pub(super) fn tally(&self, threshold: f32, cut: f32) -> Tally {
        let mut tally = Tally::default();
        for check in self.0.iter().filter(|check| check.similarity >= threshold) {
            tally.samples += 1;
            tally.errors += usize::from(check.answers < cut);
        }
        tally
    }

    pub(super) fn next(&self, threshold: f32, measure: &Measure) -> Next {
        let mut trial = None;
        for step in steps_above(threshold) {
            let tally = self.tally(step, measure.cosine);
            if measure.rate(tally).upper <= measure.target {
                return Next::Shown(step, tally);
            }
            if trial.is_none() && measure.likely(tally) {
                trial = Some(Next::Trial(step, tally));
            }
        }
        trial.unwrap_or(Next::Off)
    }
}

fn steps_above(threshold: f32) -> impl Iterator<Item = f32> {
    const STEPS: u16 = 200;
    // Divided, not multiplied: 173 / 200 is the f32 that prints as 0.865.
    (1..=STEPS)
        .map(|step| f32::from(step) / f32::from(STEPS))
        .filter(move |&step| step > threshold + STEP / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURE: Measure = Measure { cosine: 0.8, by_chance: 0.0, target: 0.02 };

    /// `right` and `wrong` checks at a similarity.
    fn at(similarity: f32, right: usize, wrong: usize) -> impl Iterator<Item = Check> {
        let check = move |answers| Check { similarity, answers };
        std::iter::repeat_n(check(0.95), right).chain(std::iter::repeat_n(check(0.5), wrong))
    }

    #[test]
    fn only_checks_at_or_above_count() {
        let mut checks = Checks::of(at(0.80, 5, 5).chain(at(0.9, 7, 1)));
        assert_eq!(checks.tally(0.9, 0.8), Tally { samples: 8, errors: 1 });
        assert_eq!(checks.tally(0.80, 0.8), Tally { samples: 18, errors: 6 });
        assert_eq!(checks.tally(0.901, 0.8), Tally::default());
        checks.drop_below(0.9);
        assert_eq!(checks.all().len(), 8);
    }

    #[test]
    fn steps_are_even_and_above() {
        let steps: Vec<f32> = steps_above(0.98).collect();
        assert_eq!(format!("{steps:?}"), "[0.985, 0.99, 0.995, 1.0]");
        assert_eq!(STEP.to_bits(), (1.0f32 / 200.0).to_bits());
        assert_eq!(steps_above(0.8123).next(), Some(0.815));
        assert_eq!(steps_above(OFF).next(), None);
    }

    #[test]
    fn the_lowest_step_that_is_shown_is_taken() {
        let checks = Checks::of(at(0.80, 90, 10).chain(at(0.871, 100, 0)).chain(at(0.95, 100, 0)));
        assert_eq!(checks.next(0.8, &MEASURE), Next::Shown(0.805, Tally { samples: 200, errors: 0 }));
        let checks = Checks::of(at(0.80, 90, 10).chain(at(0.871, 90, 10)).chain(at(0.95, 300, 0)));
        assert_eq!(checks.next(0.8, &MEASURE), Next::Shown(0.875, Tally { samples: 300, errors: 0 }));
    }

    #[test]
    fn too_few_to_show_it_are_a_trial_and_fewer_are_none() {
        let checks = Checks::of(at(0.80, 130, 10).chain(at(0.95, 60, 0)));
        assert_eq!(checks.next(0.8, &MEASURE), Next::Trial(0.805, Tally { samples: 60, errors: 0 }));
        let checks = Checks::of(at(0.80, 130, 10).chain(at(0.95, 49, 0)));
        assert_eq!(checks.next(0.8, &MEASURE), Next::Off);
    }

    #[test]
    fn the_oldest_go() {
        let checks = Checks::of(at(0.9, 0, 100).chain(at(0.9, WINDOW, 0)));
        assert_eq!(checks.tally(0.0, 0.8), Tally { samples: WINDOW, errors: 0 });
    }
}
