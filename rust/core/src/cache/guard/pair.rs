//! Two texts beside each other, aligned run by run.

use std::ops::Range;

use super::lexicon::FILLER;
use super::lone;
use super::text::{Text, Word};

/// What stands in two frames between the same neighbours; at most one side is empty.
#[derive(Debug, Clone)]
pub(super) struct Gap {
    pub(super) a: Range<usize>,
    pub(super) b: Range<usize>,
}

/// Two texts, and how they lie beside each other.
pub(super) struct Pair {
    pub(super) a: Text,
    pub(super) b: Text,
    /// Indices of the words of `a` that are no fillers.
    frame_a: Vec<usize>,
    frame_b: Vec<usize>,
    pub(super) gaps: Vec<Gap>,
    /// Words of each frame that stand in common runs.
    pub(super) common: usize,
}

impl Pair {
    pub(super) fn new(mut a: Text, mut b: Text) -> Self {
        lone::mark(&mut a.words, &b.words);
        lone::mark(&mut b.words, &a.words);
        let frame = |text: &Text| (0..text.words.len()).filter(|at| !text.words[*at].is(FILLER)).collect();
        let (frame_a, frame_b): (Vec<usize>, Vec<usize>) = (frame(&a), frame(&b));
        let mut pair = Self { a, b, frame_a, frame_b, gaps: Vec::new(), common: 0 };
        pair.align(0..pair.frame_a.len(), 0..pair.frame_b.len());
        pair.common = pair.frame_a.len() - pair.gaps.iter().map(|gap| gap.a.len()).sum::<usize>();
        pair
    }

    /// Words of each frame.
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.frame_a.len(), self.frame_b.len())
    }

    /// The words of a part of the frame of `a`.
    pub(super) fn of_a(&self, range: Range<usize>) -> impl Iterator<Item = &Word> {
        self.frame_a[range].iter().map(|at| &self.a.words[*at])
    }

    /// The words of a part of the frame of `b`.
    pub(super) fn of_b(&self, range: Range<usize>) -> impl Iterator<Item = &Word> {
        self.frame_b[range].iter().map(|at| &self.b.words[*at])
    }

    /// Finds the longest common run, the first of several, and goes on to both sides of it.
    fn align(&mut self, a: Range<usize>, b: Range<usize>) {
        if a.is_empty() && b.is_empty() {
            return;
        }
        let (mut longest, mut at_a, mut at_b) = (0, 0, 0);
        // By column, the length of the run that ended there in the row above.
        let mut runs = vec![0_usize; b.len()];
        for (row, word) in a.clone().zip(self.of_a(a.clone())) {
            let mut diagonal = 0;
            for ((column, other), run) in b.clone().zip(self.of_b(b.clone())).zip(&mut runs) {
                let length = if lone::same(word, other) { diagonal + 1 } else { 0 };
                diagonal = std::mem::replace(run, length);
                if length > longest {
                    (longest, at_a, at_b) = (length, row + 1, column + 1);
                }
            }
        }
        if longest == 0 {
            self.gaps.push(Gap { a, b });
            return;
        }
        self.align(a.start..at_a - longest, b.start..at_b - longest);
        self.align(at_a..a.end, at_b..b.end);
    }
}
