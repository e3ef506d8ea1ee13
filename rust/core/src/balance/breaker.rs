//! The circuit breaker of one lane, in one atomic word.
//!
//! Faults in a row, or a bad ratio, open it; it rests, doubling from 1 s to 8 s; then single probes go through, and
//! three answered ones close it. A late failure of a request that was sent before it opened changes nothing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Moment;
use super::tuning::{FAULTS_IN_A_ROW, FORGIVES, LONGEST_REST, PROBES_TO_CLOSE, REST};

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Closed,
    /// Resting until then.
    Open(Moment),
    /// One probe at a time.
    HalfOpen,
}

#[derive(Debug, Default)]
pub(super) struct Breaker(AtomicU64);

/// Milliseconds (44 bits), rests so far (6), answered probes (5), faults in a row (8), open (1).
#[derive(Debug, Clone, Copy)]
struct State {
    until: u64,
    rests: u64,
    answered: u64,
    row: u64,
    open: bool,
}

impl State {
    fn of(word: u64) -> Self {
        Self {
            until: word >> 20,
            rests: (word >> 14) & 0x3f,
            answered: (word >> 9) & 0x1f,
            row: (word >> 1) & 0xff,
            open: word & 1 == 1,
        }
    }

    fn word(self) -> u64 {
        (self.until << 20)
            | (self.rests.min(0x3f) << 14)
            | (self.answered.min(0x1f) << 9)
            | (self.row.min(0xff) << 1)
            | u64::from(self.open)
    }

    fn rest(self, now: Moment) -> Self {
        let doubled = REST * 2u32.saturating_pow(u32::try_from(self.rests).unwrap_or(31).min(16));
        let until = now.plus(doubled.min(LONGEST_REST)).millis();
        Self { until, rests: self.rests + 1, answered: 0, row: 0, open: true }
    }
}

impl Breaker {
    pub(super) fn gate(&self, now: Moment) -> Gate {
        let state = State::of(self.0.load(Relaxed));
        match state.open {
            false => Gate::Closed,
            true if now.millis() < state.until => Gate::Open(Moment::from_nanos(state.until * 1_000_000)),
            true => Gate::HalfOpen,
        }
    }

    /// An answer; `trial` where it was sent while the breaker was not closed. True where this one closed it.
    pub(super) fn answered(&self, now: Moment, trial: bool) -> bool {
        let mut closed = false;
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let state = State::of(word);
            closed = false;
            let next = match state.open {
                false if state.row == 0 => return None,
                false => State { row: 0, ..state },
                true if !trial => return None,
                true if state.answered + 1 < PROBES_TO_CLOSE => {
                    State { answered: state.answered + 1, ..state }
                }
                true => {
                    closed = true;
                    State { until: now.millis(), answered: 0, row: 0, open: false, ..state }
                }
            };
            Some(next.word())
        });
        closed
    }

    /// A fault; `bad` where the window's ratio is reason enough.
    pub(super) fn failed(&self, now: Moment, trial: bool, bad: bool) {
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let state = State::of(word);
            if state.open {
                return trial.then(|| state.rest(now).word());
            }
            let row = state.row + 1;
            if row < FAULTS_IN_A_ROW && !bad {
                return Some(State { row, ..state }.word());
            }
            let closed_for = now.since(Moment::from_nanos(state.until * 1_000_000));
            let rests = if closed_for >= FORGIVES { 0 } else { state.rests };
            Some(State { rests, ..state }.rest(now).word())
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::after_start(Duration::from_millis(millis))
    }

    fn opened(now: u64) -> Breaker {
        let breaker = Breaker::default();
        (0..FAULTS_IN_A_ROW).for_each(|_| breaker.failed(at(now), false, false));
        breaker
    }

    #[test]
    fn faults_in_a_row_open_it_and_an_answer_between_does_not() {
        let breaker = Breaker::default();
        for _ in 0..20 {
            (1..FAULTS_IN_A_ROW).for_each(|_| breaker.failed(at(5), false, false));
            breaker.answered(at(5), false);
        }
        assert_eq!(breaker.gate(at(5)), Gate::Closed);
        assert_eq!(opened(5).gate(at(5)), Gate::Open(at(1_005)));
        breaker.failed(at(5), false, true);
        assert_eq!(breaker.gate(at(5)), Gate::Open(at(1_005)), "a bad ratio is enough");
    }

    #[test]
    fn it_rests_twice_as_long_each_time_up_to_a_bound() {
        let breaker = opened(0);
        let mut now = 0;
        for rest in [1_000, 2_000, 4_000, 8_000, 8_000] {
            assert_eq!(breaker.gate(at(now + rest - 1)), Gate::Open(at(now + rest)));
            now += rest;
            assert_eq!(breaker.gate(at(now)), Gate::HalfOpen);
            breaker.failed(at(now), true, false);
        }
    }

    #[test]
    fn answered_probes_close_it_and_late_answers_do_not() {
        let breaker = opened(0);
        assert!(!breaker.answered(at(500), false));
        assert_eq!(breaker.gate(at(500)), Gate::Open(at(1_000)));
        breaker.failed(at(600), false, true);
        assert_eq!(breaker.gate(at(600)), Gate::Open(at(1_000)), "sent before it opened");
        for _ in 1..PROBES_TO_CLOSE {
            assert!(!breaker.answered(at(1_000), true));
            assert_eq!(breaker.gate(at(1_000)), Gate::HalfOpen);
        }
        assert!(breaker.answered(at(1_000), true));
        assert_eq!(breaker.gate(at(1_000)), Gate::Closed);
        breaker.failed(at(1_500), false, true);
        assert_eq!(breaker.gate(at(1_500)), Gate::Open(at(3_500)), "it remembers the rest before");
    }

    #[test]
    fn a_long_good_time_is_remembered_instead() {
        let breaker = opened(0);
        (0..PROBES_TO_CLOSE).for_each(|_| _ = breaker.answered(at(1_000), true));
        breaker.failed(at(31_000), false, true);
        assert_eq!(breaker.gate(at(31_000)), Gate::Open(at(32_000)));
    }
}
