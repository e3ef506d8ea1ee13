//! A weighted order without replacement, tier by tier.

/// One lane that may serve the request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Lower tiers are exhausted before higher ones are tried.
    pub tier: u32,
    /// Its share within the tier; must be positive.
    pub weight: f64,
}

/// Yields candidates by index, each once.
#[derive(Debug, Clone)]
pub struct Draw {
    left: Vec<(usize, Candidate)>,
}

impl Draw {
    /// A draw over `candidates`; those without a positive weight are left out.
    pub fn new(candidates: impl IntoIterator<Item = Candidate>) -> Self {
        let positive = |candidate: &Candidate| candidate.weight > 0.0 && candidate.weight.is_finite();
        Self {
            left: candidates.into_iter().enumerate().filter(|(_, candidate)| positive(candidate)).collect(),
        }
    }

    /// How many have not been yielded.
    pub fn remaining(&self) -> usize {
        self.left.len()
    }

    /// Draws the next one; `random` is uniform in [0, 1).
    pub fn next(&mut self, random: f64) -> Option<usize> {
        let tier = self.left.iter().map(|(_, candidate)| candidate.tier).min()?;
        let in_tier = |(_, candidate): &&(usize, Candidate)| candidate.tier == tier;
        let total: f64 = self.left.iter().filter(in_tier).map(|(_, candidate)| candidate.weight).sum();
        let mut point = random * total;
        let mut chosen = None;
        for (position, (_, candidate)) in self.left.iter().enumerate() {
            if candidate.tier == tier {
                chosen = Some(position);
                point -= candidate.weight;
                if point < 0.0 {
                    break;
                }
            }
        }
        chosen.map(|position| self.left.swap_remove(position).0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draw(candidates: &[(u32, f64)]) -> Draw {
        Draw::new(candidates.iter().map(|&(tier, weight)| Candidate { tier, weight }))
    }

    #[test]
    fn shares_follow_the_weights() {
        let mut counts = [0u32; 3];
        for step in 0..10_000 {
            let picked = draw(&[(0, 1.0), (0, 3.0), (1, 100.0)]).next(f64::from(step) / 10_000.0).unwrap();
            counts[picked] += 1;
        }
        assert_eq!(counts, [2_500, 7_500, 0]);
    }

    #[test]
    fn zero_weight_is_never_drawn() {
        let mut drawn = draw(&[(0, 0.0), (0, f64::NAN), (1, 2.0)]);
        assert_eq!(drawn.remaining(), 1);
        assert_eq!(drawn.next(0.999), Some(2));
        assert_eq!(drawn.next(0.0), None);
    }

    proptest! {
        #[test]
        fn yields_each_once_and_tiers_in_order(
            candidates in prop::collection::vec((0u32..3, 0.1f64..10.0), 0..12),
            randoms in prop::collection::vec(0.0f64..1.0, 12),
        ) {
            let mut drawn = draw(&candidates);
            let mut seen = Vec::new();
            for random in randoms {
                seen.extend(drawn.next(random));
            }
            prop_assert!(seen.windows(2).all(|pair| candidates[pair[0]].0 <= candidates[pair[1]].0));
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..candidates.len()).collect::<Vec<_>>());
        }
    }
}
