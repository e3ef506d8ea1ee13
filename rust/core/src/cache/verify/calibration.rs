//! How much answers to one and the same prompt differ, and so what may be called different.

use std::collections::VecDeque;

use super::report::Cut;
use super::wilson::real;
use super::{ALIKE, BLIND, CALIBRATIONS};

/// The part of the target that the cut may call different by chance.
const PART: f64 = 0.25;
const FEWEST: usize = 50;

/// Cosines of answers to the same prompt, the newest last.
#[derive(Debug, Default)]
pub(super) struct Calibrations(VecDeque<f32>);

impl Calibrations {
    pub(super) fn of(cosines: impl IntoIterator<Item = f32>) -> Self {
        let mut found = Self::default();
        cosines.into_iter().for_each(|cosine| found.add(cosine));
        found
    }

    pub(super) fn add(&mut self, cosine: f32) {
        if self.0.len() == CALIBRATIONS {
            self.0.pop_front();
        }
        self.0.push_back(cosine);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn all(&self) -> Vec<f32> {
        self.0.iter().copied().collect()
    }

    /// Calibrations before a check counts: as many as keep what is by chance at a quarter of the target.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    pub(super) fn needed(target: f64) -> usize {
        (4.0 / target).ceil().clamp(real(FEWEST), real(CALIBRATIONS)) as usize
    }

    pub(super) fn cut(&self, target: f64) -> Cut {
        let (have, need) = (self.0.len(), Self::needed(target));
        if have < need {
            return Cut::Few { have, need };
        }
        let mut sorted = self.all();
        sorted.sort_unstable_by(f32::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank below `have`")]
        let rank = ((real(have + 1) * target * PART) as usize).clamp(1, have);
        let lowest = sorted[rank - 1];
        if lowest < BLIND {
            Cut::Blind { at: lowest }
        } else if lowest > ALIKE {
            let below = sorted.partition_point(|&cosine| cosine < ALIKE);
            Cut::At { cosine: ALIKE, by_chance: real(below) / real(have) }
        } else {
            Cut::At { cosine: lowest, by_chance: real(rank) / real(have + 1) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(count: u16, from: f32, to: f32) -> Calibrations {
        Calibrations::of((0..count).map(|at| from + (to - from) * f32::from(at) / f32::from(count - 1)))
    }

    #[test]
    fn what_is_by_chance_stays_at_a_quarter_of_the_target() {
        assert_eq!(spread(199, 0.8, 1.0).cut(0.02), Cut::Few { have: 199, need: 200 });
        assert_eq!(spread(200, 0.8, 1.0).cut(0.02), Cut::At { cosine: 0.8, by_chance: 1.0 / 201.0 });
        assert_eq!((Calibrations::needed(0.5), Calibrations::needed(1e-9)), (50, 800));
    }

    #[test]
    fn one_outlier_of_many_is_not_the_cut() {
        let mut same = spread(399, 0.8, 1.0);
        same.add(0.1);
        assert_eq!(same.cut(0.02), Cut::At { cosine: 0.8, by_chance: 2.0 / 401.0 });
    }

    #[test]
    fn answers_that_differ_by_themselves_tell_nothing() {
        assert_eq!(spread(200, 0.3, 1.0).cut(0.02), Cut::Blind { at: 0.3 });
    }

    #[test]
    fn a_model_that_repeats_itself_does_not_make_every_wording_an_error() {
        assert_eq!(spread(200, 1.0, 1.0).cut(0.02), Cut::At { cosine: ALIKE, by_chance: 0.0 });
    }

    #[test]
    fn the_oldest_go() {
        let mut same = spread(400, 0.3, 0.4);
        (0..CALIBRATIONS).for_each(|_| same.add(0.9));
        assert_eq!(
            (same.len(), same.cut(0.02)),
            (CALIBRATIONS, Cut::At { cosine: 0.9, by_chance: 4.0 / 801.0 })
        );
    }
}
