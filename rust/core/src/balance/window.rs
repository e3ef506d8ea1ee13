//! Outcomes of the last 20 seconds, exactly: a ring of one-second buckets, each one atomic word.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Moment;

const SECONDS: usize = 20;
const BITS: u32 = 14;
const FULL: u64 = (1 << BITS) - 1;
const STAMPS: u64 = (1 << 22) - 1;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    Fault,
    Limited,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// Answers.
    pub successes: u32,
    /// Faults of the lane.
    pub faults: u32,
    /// 429s.
    pub limited: u32,
}

impl Outcomes {
    /// All that ended.
    pub fn ended(self) -> u32 {
        self.successes + self.faults + self.limited
    }

    /// Answers among all that ended; 1 where nothing did.
    pub fn ratio(self) -> f64 {
        let all = self.ended();
        if all == 0 { 1.0 } else { f64::from(self.successes) / f64::from(all) }
    }
}

/// The ring. Of a second, 16,383 outcomes of a sort are counted.
#[derive(Debug, Default)]
pub(super) struct Window([AtomicU64; SECONDS]);

impl Window {
    pub(super) fn add(&self, now: Moment, ended: Ended) {
        let (bucket, stamp) = self.bucket(now.seconds());
        let shift = BITS * ended as u32;
        let _ = bucket.fetch_update(Relaxed, Relaxed, |word| {
            let word = if word >> 42 == stamp { word } else { stamp << 42 };
            ((word >> shift) & FULL < FULL).then(|| word + (1 << shift))
        });
    }

    /// Of the last 20 seconds, but not of those before second `from`.
    pub(super) fn sums(&self, now: Moment, from: u64) -> Outcomes {
        let second = now.seconds();
        let mut sums = Outcomes::default();
        for back in 0..SECONDS as u64 {
            let Some(at) = second.checked_sub(back).filter(|at| *at >= from) else { break };
            let (bucket, stamp) = self.bucket(at);
            let word = bucket.load(Relaxed);
            if word >> 42 == stamp {
                sums.successes += part(word, Ended::Well);
                sums.faults += part(word, Ended::Fault);
                sums.limited += part(word, Ended::Limited);
            }
        }
        sums
    }

    fn bucket(&self, second: u64) -> (&AtomicU64, u64) {
        let index = usize::try_from(second % SECONDS as u64).unwrap_or(0);
        // 0 is an empty bucket's.
        (&self.0[index], (second % STAMPS) + 1)
    }
}

fn part(word: u64, ended: Ended) -> u32 {
    u32::try_from((word >> (BITS * ended as u32)) & FULL).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_older_than_the_window_is_gone() {
        let window = Window::default();
        window.add(at(0), Ended::Fault);
        window.add(at(5), Ended::Well);
        assert_eq!(window.sums(at(19), 0), Outcomes { successes: 1, faults: 1, limited: 0 });
        assert_eq!(window.sums(at(20), 0), Outcomes { successes: 1, faults: 0, limited: 0 });
        assert_eq!(window.sums(at(19), 3), Outcomes { successes: 1, faults: 0, limited: 0 });
        assert_eq!(window.sums(at(1_000), 0), Outcomes::default());
        assert!((window.sums(at(19), 0).ratio() - 0.5).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn it_counts_as_a_list_would(gaps in prop::collection::vec((0u64..6, 0u8..3), 0..200), later in 0u64..30) {
            let window = Window::default();
            let mut second = 0;
            let mut list = Vec::new();
            for (gap, sort) in gaps {
                second += gap;
                let ended = [Ended::Well, Ended::Fault, Ended::Limited][usize::from(sort)];
                window.add(at(second), ended);
                list.push((second, ended));
            }
            let now = second + later;
            let count = |wanted: Ended| {
                let within = list.iter().filter(|(at, ended)| *ended == wanted && at + 20 > now);
                u32::try_from(within.count()).unwrap()
            };
            prop_assert_eq!(window.sums(at(now), 0), Outcomes {
                successes: count(Ended::Well),
                faults: count(Ended::Fault),
                limited: count(Ended::Limited),
            });
        }
    }
}
