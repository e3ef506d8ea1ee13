//! At most so many background calls in any minute.

use std::collections::VecDeque;

const MINUTE: u64 = 60_000;

/// The times of the calls of the last minute: exact, because they are few.
#[derive(Debug, Default)]
pub(super) struct Budget(VecDeque<u64>);

impl Budget {
    /// Takes `calls`, all or none.
    pub(super) fn take(&mut self, now: u64, calls: usize, per_minute: usize) -> bool {
        // A clock that was set back must not keep calls of the future in the way.
        self.0.retain(|&at| at <= now && now - at < MINUTE);
        let fits = self.0.len() + calls <= per_minute;
        if fits {
            self.0.extend(std::iter::repeat_n(now, calls));
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_holds_no_more_than_allowed() {
        let mut budget = Budget::default();
        let mut taken = Vec::new();
        for now in (0..600_000).step_by(700) {
            if budget.take(now, 1 + usize::from(now % 1400 == 0), 6) {
                taken.extend(std::iter::repeat_n(now, 1 + usize::from(now % 1400 == 0)));
            }
        }
        for &from in &taken {
            assert!(taken.iter().filter(|&&at| at >= from && at - from < MINUTE).count() <= 6, "{from}");
        }
        assert!(taken.len() >= 54, "{}", taken.len());
    }

    #[test]
    fn two_calls_that_do_not_fit_take_nothing() {
        let mut budget = Budget::default();
        assert!(budget.take(0, 2, 3));
        assert!(!budget.take(1, 2, 3));
        assert!(budget.take(2, 1, 3));
        assert!(!budget.take(59_999, 1, 3));
        assert!(budget.take(60_000, 2, 3));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_lock_the_budget() {
        let mut budget = Budget::default();
        assert!(budget.take(9_000_000, 6, 6));
        assert!(budget.take(1_000, 1, 6));
    }
}
