//! Memory that calls use again.

use crate::WIDTH;
use crate::kernel::padded;
use crate::tokenizer::Tokens;

/// What a call works in: it grows to the longest text so far, and a call that finds it large enough allocates nothing.
///
/// For 256 tokens it takes 2.9 MB. It belongs to no model.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) tokens: Tokens,
    numbers: Vec<f32>,
}

/// Room for a call. A row is a token.
pub(super) struct Buffers<'a> {
    /// The state: rows of 384.
    pub(super) x: &'a mut [f32],
    /// Rows of the widest that a layer has in between.
    pub(super) wide: &'a mut [f32],
    /// Rows of 384.
    pub(super) narrow: &'a mut [f32],
    /// One head's keys as panels.
    pub(super) keys: &'a mut [f32],
    /// One head's values as panels.
    pub(super) values: &'a mut [f32],
    /// One head's scores, a row a token, rounded up to whole panels.
    pub(super) scores: &'a mut [f32],
}

impl Scratch {
    /// The tokens, and room for them: by the widest row in between, and the size of a head. What it holds is left over.
    pub(super) fn buffers(&mut self, widest: usize, head: usize) -> (&[u32], Buffers<'_>) {
        let tokens = self.tokens.ids();
        let (count, columns) = (tokens.len(), padded(tokens.len()));
        let sizes =
            [count * WIDTH, count * widest, count * WIDTH, columns * head, count * head, count * columns];
        let needed = sizes.iter().sum();
        if self.numbers.len() < needed {
            self.numbers.resize(needed, 0.0);
        }
        let mut rest = self.numbers.as_mut_slice();
        let [x, wide, narrow, keys, values, scores] = sizes.map(|size| {
            let (part, behind) = std::mem::take(&mut rest).split_at_mut(size);
            rest = behind;
            part
        });
        (tokens, Buffers { x, wide, narrow, keys, values, scores })
    }
}
