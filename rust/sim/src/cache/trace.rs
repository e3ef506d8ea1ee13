//! Requests, and how large their answers are.

use ferrogate_core::cache::store::Entry;

use crate::random::Random;

/// How large bodies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// All of these bytes.
    Equal(usize),
    /// Log-normal: this median, and a sixth of them twice as large or more.
    Spread(usize),
}

/// A sequence of requests.
#[derive(Debug)]
pub struct Trace {
    /// What is asked for, by number.
    pub requests: Vec<u32>,
    /// Bytes of the bodies, by number.
    pub bodies: Vec<usize>,
    /// What they count for, by number.
    pub weights: Vec<usize>,
}

impl Trace {
    /// Requests for `keys` things of which the nth is asked for in proportion to `1 / n^skew`. Every `shift` requests,
    /// where it is not 0, the hundredth part of the ranks is dealt anew.
    pub fn zipf(keys: u32, skew: f64, requests: usize, sizes: Sizes, shift: usize) -> Self {
        let mut random = Random::of(&[u64::from(keys), 41]);
        let mut total = 0.0;
        let ranks: Vec<f64> = (1..=keys)
            .map(|rank| {
                total += f64::from(rank).powf(-skew);
                total
            })
            .collect();
        let mut of_rank: Vec<u32> = (0..keys).collect();
        let requests = (0..requests)
            .map(|at| {
                if shift > 0 && at % shift == 0 {
                    for _ in 0..keys / 200 {
                        let pair = (random.below(of_rank.len()), random.below(of_rank.len()));
                        of_rank.swap(pair.0, pair.1);
                    }
                }
                let drawn = random.uniform() * total;
                of_rank[ranks.partition_point(|&sum| sum <= drawn).min(ranks.len() - 1)]
            })
            .collect();
        let bodies: Vec<usize> = (0..keys)
            .map(|_| match sizes {
                Sizes::Equal(bytes) => bytes,
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "bytes of a body"
                )]
                Sizes::Spread(median) => random.log_normal(median as f64, 0.7) as usize,
            })
            .collect();
        let empty = super::entry(Vec::new()).weight();
        let weights = bodies.iter().map(|body| body + empty).collect();
        Self { requests, bodies, weights }
    }

    /// What all entries together count for.
    pub fn bytes(&self) -> usize {
        self.weights.iter().sum()
    }

    /// The entry of a number.
    pub fn entry(&self, number: u32) -> Entry {
        super::entry(vec![0; self.bodies[number as usize]])
    }

    pub(super) fn weight(&self, number: u32) -> usize {
        self.weights[number as usize]
    }
}
