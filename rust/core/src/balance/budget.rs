//! How much may be tried again: a share of the live traffic, so that an outage is not multiplied.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Moment;

/// A bucket that requests fill and retries empty, in thousandths. One word: tokens (32 bits), milliseconds (32 bits).
#[derive(Debug)]
pub struct RetryBudget {
    share: u64,
    most: u64,
    word: AtomicU64,
}

/// Beside the share, so many a second: a quiet gateway may still try again.
const A_SECOND: u64 = 1;

impl RetryBudget {
    /// For `share` of the requests (0.2: one in five), and `most` at once, with which it starts.
    pub fn new(share: f64, most: u32) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let share = (share.clamp(0.0, 1.0) * 1000.0) as u64;
        let most = u64::from(most.min(1_000_000)) * 1000;
        Self { share, most, word: AtomicU64::new(most << 32) }
    }

    /// A request came.
    pub fn arrived(&self, now: Moment) {
        self.change(now, |tokens| Some(tokens + self.share));
    }

    /// Takes one retry; false where there is none left.
    pub fn take(&self, now: Moment) -> bool {
        self.change(now, |tokens| tokens.checked_sub(1000))
    }

    fn change(&self, now: Moment, by: impl Fn(u64) -> Option<u64>) -> bool {
        let millis = now.millis() & 0xffff_ffff;
        let changed = self.word.fetch_update(Relaxed, Relaxed, |word| {
            let mut passed = millis.wrapping_sub(word) & 0xffff_ffff;
            if passed > 0x7fff_ffff {
                // Another thread read its clock a little later and was here first.
                passed = 0;
            }
            let filled = ((word >> 32) + passed * A_SECOND).min(self.most);
            by(filled).map(|tokens| (tokens.min(self.most) << 32) | ((word + passed) & 0xffff_ffff))
        });
        changed.is_ok()
    }
}

/// How long to wait before attempt `attempt` (from 1) of a request where no other lane is fresh: up to 50 ms, doubling to
/// a second, the whole of it jitter, so that clients that failed together do not come back together.
pub fn backoff(attempt: u32, uniform: f64) -> Duration {
    let most = Duration::from_millis(50) * 2u32.pow(attempt.saturating_sub(1).min(5));
    most.min(Duration::from_secs(1)).mul_f64(uniform.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::after_start(Duration::from_millis(millis))
    }

    #[test]
    fn an_outage_is_not_multiplied() {
        let budget = RetryBudget::new(0.2, 10);
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.arrived(at(0));
            retries += u32::from(budget.take(at(0)));
        }
        assert_eq!(retries, 209, "ten, and one in five; the first found it full");
    }

    #[test]
    fn a_wait_doubles_to_a_second_and_is_all_jitter() {
        let most: Vec<_> = (1..=8).map(|attempt| backoff(attempt, 1.0).as_millis()).collect();
        assert_eq!(most, [50, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
        assert_eq!((backoff(3, 0.5).as_millis(), backoff(9, 0.0).as_millis()), (100, 0));
    }

    #[test]
    fn a_quiet_gateway_may_try_again() {
        let budget = RetryBudget::new(0.2, 10);
        while budget.take(at(0)) {}
        assert!(!budget.take(at(999)));
        assert!(budget.take(at(1_000)));
        assert!(!budget.take(at(1_500)));
        assert!(!budget.take(at(900)), "a clock that was read before");
        assert!(budget.take(at(2_000)));
    }
}
