//! One layer of the encoder: attention over all tokens, then two products a token, each added to the state.

use crate::WIDTH;
use crate::folder::Config;
use crate::kernel::{Kernel, Left, Norm, Panels, Start, pack, pack_transposed, padded};
use crate::weights::Weights;

use super::scratch::Buffers;

/// What a normalisation learned.
pub(super) struct Scale {
    factors: Vec<f32>,
    shift: Vec<f32>,
    epsilon: f32,
}

impl Scale {
    pub(super) fn take(weights: &mut Weights, name: &str, epsilon: f32) -> Result<Self, String> {
        let factors = weights.take(&format!("{name}.weight"), &[WIDTH])?;
        let shift = weights.take(&format!("{name}.bias"), &[WIDTH])?;
        Ok(Self { factors, shift, epsilon })
    }

    pub(super) fn norm(&self) -> Norm<'_> {
        Norm { scale: &self.factors, shift: &self.shift, epsilon: self.epsilon }
    }
}

/// A product with a bias.
struct Linear {
    panels: Panels,
    bias: Vec<f32>,
}

impl Linear {
    fn take(weights: &mut Weights, name: &str, into: usize, from: usize) -> Result<Self, String> {
        let rows = weights.take(&format!("{name}.weight"), &[into, from])?;
        let bias = weights.take(&format!("{name}.bias"), &[into])?;
        Ok(Self { panels: Panels::from_transposed(&rows, from), bias })
    }

    /// `out = x * weights + bias`, rows without gaps.
    fn apply(&self, kernel: Kernel, x: &[f32], out: &mut [f32]) {
        let (rows, depth) = (out.len() / self.bias.len(), self.panels.depth());
        let left = Left { data: x, rows, depth, stride: depth };
        kernel.product(left, self.panels.data(), Start::Bias(&self.bias), out, self.bias.len());
    }
}

pub(super) struct Layer {
    heads: usize,
    /// Queries, keys and values beside each other; the queries are divided by the root of a head's size.
    mixed: Linear,
    joined: Linear,
    joined_norm: Scale,
    inner: Linear,
    outer: Linear,
    outer_norm: Scale,
}

impl Layer {
    pub(super) fn take(weights: &mut Weights, index: usize, config: &Config) -> Result<Self, String> {
        let (heads, inner, epsilon) =
            (config.num_attention_heads, config.intermediate_size, config.layer_norm_eps);
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        Ok(Self {
            heads,
            mixed: mixed(weights, &name("attention.self"), heads)?,
            joined: Linear::take(weights, &name("attention.output.dense"), WIDTH, WIDTH)?,
            joined_norm: Scale::take(weights, &name("attention.output.LayerNorm"), epsilon)?,
            inner: Linear::take(weights, &name("intermediate.dense"), inner, WIDTH)?,
            outer: Linear::take(weights, &name("output.dense"), WIDTH, inner)?,
            outer_norm: Scale::take(weights, &name("output.LayerNorm"), epsilon)?,
        })
    }

    /// The rows of the widest that comes in between.
    pub(super) fn widest(&self) -> usize {
        self.inner.bias.len().max(self.mixed.bias.len())
    }

    pub(super) fn head(&self) -> usize {
        WIDTH / self.heads
    }

    /// Takes the state of all tokens one layer further.
    pub(super) fn forward(&self, kernel: Kernel, buffers: &mut Buffers<'_>) {
        let rows = buffers.x.len() / WIDTH;
        self.mixed.apply(kernel, buffers.x, &mut buffers.wide[..rows * 3 * WIDTH]);
        for head in 0..self.heads {
            attend(kernel, head * self.head(), self.head(), buffers);
        }
        let joined = &mut buffers.wide[..rows * WIDTH];
        self.joined.apply(kernel, buffers.narrow, joined);
        kernel.add_norm(buffers.x, joined, &self.joined_norm.norm());

        let inner = &mut buffers.wide[..rows * self.inner.bias.len()];
        self.inner.apply(kernel, buffers.x, inner);
        kernel.gelu(inner);
        self.outer.apply(kernel, inner, buffers.narrow);
        kernel.add_norm(buffers.x, buffers.narrow, &self.outer_norm.norm());
    }
}

/// One head, whose columns begin at `at`: its part of what the tokens take from each other, into `narrow`.
fn attend(kernel: Kernel, at: usize, size: usize, buffers: &mut Buffers<'_>) {
    let stride = 3 * WIDTH;
    let rows = buffers.x.len() / WIDTH;
    let mixed = &buffers.wide[..rows * stride];
    pack_transposed(&mixed[WIDTH + at..], stride, size, buffers.keys);
    pack(&mixed[2 * WIDTH + at..], stride, rows, buffers.values);
    let width = padded(rows);
    let queries = Left { data: &mixed[at..], rows, depth: size, stride };
    kernel.product(queries, buffers.keys, Start::Zero, buffers.scores, width);
    kernel.softmax(buffers.scores, width, rows);
    let shares = Left { data: buffers.scores, rows, depth: rows, stride: width };
    kernel.product(shares, buffers.values, Start::Zero, &mut buffers.narrow[at..], WIDTH);
}

fn mixed(weights: &mut Weights, name: &str, heads: usize) -> Result<Linear, String> {
    #[expect(clippy::cast_precision_loss, reason = "a head's size is far below 2^24")]
    let factor = 1.0 / ((WIDTH / heads) as f32).sqrt();
    let (mut rows, mut bias) = (Vec::with_capacity(3 * WIDTH * WIDTH), Vec::with_capacity(3 * WIDTH));
    for part in ["query", "key", "value"] {
        let factor = if part == "query" { factor } else { 1.0 };
        let scaled = |values: Vec<f32>| values.into_iter().map(move |value| value * factor);
        rows.extend(scaled(weights.take(&format!("{name}.{part}.weight"), &[WIDTH, WIDTH])?));
        bias.extend(scaled(weights.take(&format!("{name}.{part}.bias"), &[WIDTH])?));
    }
    Ok(Linear { panels: Panels::from_transposed(&rows, WIDTH), bias })
}
