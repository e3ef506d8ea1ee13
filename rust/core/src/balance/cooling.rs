//! How long a lane is left alone after a 429, and how near its limits it is.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::tuning::{LONGEST_STATED, LONGEST_UNSAID, UNSAID};
use super::{Hints, Moment};

/// For how long a told remainder is believed where no reset came with it.
const BELIEVED: Duration = Duration::from_secs(10);
/// Below this share of what is left, a lane's own share falls with it.
const SCARCE: f64 = 0.05;

#[derive(Debug, Default)]
pub(super) struct Cooling {
    /// Nanoseconds, the lowest bit set where the provider said so.
    until: AtomicU64,
    /// 429s in a row that said nothing.
    unsaid: AtomicU32,
    /// Share that is left (f32), and until when that is believed (milliseconds, 32 bits); 0 is none.
    headroom: AtomicU64,
}

impl Cooling {
    /// Until when nothing is sent, and whether the provider said so.
    pub(super) fn until(&self, now: Moment) -> Option<(Moment, bool)> {
        let word = self.until.load(Relaxed);
        (word & !1 > now.nanos()).then(|| (Moment::from_nanos(word & !1), word & 1 == 1))
    }

    /// A 429: as long as it says, else longer each time. Only a Retry-After is the provider's word; what follows from
    /// counts and resets is a guess, against which a lane may still be tried where all are out.
    pub(super) fn refused(&self, now: Moment, hints: &Hints) {
        if let Some(wait) = hints.wait() {
            return self.stay_out(now, wait, hints.retry_after.is_some());
        }
        let times = self.unsaid.fetch_add(1, Relaxed).min(16);
        self.stay_out(now, (UNSAID * 2u32.pow(times)).min(LONGEST_UNSAID), false);
    }

    /// A failure that is no 429 may say when to come back, too.
    pub(super) fn told(&self, now: Moment, hints: &Hints) {
        if let Some(wait) = hints.retry_after {
            self.stay_out(now, wait, true);
        }
    }

    pub(super) fn answered(&self) {
        if self.unsaid.load(Relaxed) != 0 {
            self.unsaid.store(0, Relaxed);
        }
    }

    pub(super) fn hear(&self, now: Moment, hints: &Hints) {
        let headroom = hints.headroom();
        if headroom < 1.0 {
            let reset = hints.requests_reset.max(hints.tokens_reset).unwrap_or(BELIEVED).min(BELIEVED);
            #[expect(clippy::cast_possible_truncation, reason = "a share")]
            let share = u64::from((headroom as f32).to_bits());
            self.headroom.store((share << 32) | (now.plus(reset).millis() & 0xffff_ffff), Relaxed);
        }
        if let Some(wait) = hints.wait().filter(|_| headroom <= 0.0) {
            self.stay_out(now, wait, hints.retry_after.is_some());
        }
    }

    /// What the nearness of a limit leaves of a lane's share, in 0.1..1.
    pub(super) fn headroom(&self, now: Moment) -> f64 {
        let word = self.headroom.load(Relaxed);
        let left = u32::try_from(word & 0xffff_ffff)
            .unwrap_or(0)
            .wrapping_sub(u32::try_from(now.millis() & 0xffff_ffff).unwrap_or(0));
        if word == 0 || left > u32::try_from(BELIEVED.as_millis()).unwrap_or(u32::MAX) {
            return 1.0;
        }
        let share = f64::from(f32::from_bits(u32::try_from(word >> 32).unwrap_or(0)));
        (share / SCARCE).clamp(0.1, 1.0)
    }

    /// The later end counts.
    fn stay_out(&self, now: Moment, wait: Duration, stated: bool) {
        let until = now.plus(wait.min(LONGEST_STATED)).nanos();
        self.until.fetch_max((until & !1) | u64::from(stated), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::after_start(Duration::from_millis(millis))
    }

    #[test]
    fn what_is_said_is_kept_to() {
        let cooling = Cooling::default();
        let hints = Hints { retry_after: Some(Duration::from_secs(6)), ..Hints::default() };
        cooling.refused(at(100), &hints);
        assert_eq!(cooling.until(at(6_099)), Some((at(6_100), true)));
        assert_eq!(cooling.until(at(6_100)), None);
        let forever = Hints { retry_after: Some(Duration::MAX), ..Hints::default() };
        cooling.refused(at(0), &forever);
        assert_eq!(cooling.until(at(0)), Some((at(24 * 3_600_000), true)));
    }

    #[test]
    fn what_is_not_said_grows_and_an_answer_ends_it() {
        let cooling = Cooling::default();
        let mut now = 0;
        for wait in [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000] {
            cooling.refused(at(now), &Hints::default());
            assert_eq!(cooling.until(at(now)), Some((at(now + wait), false)));
            now += wait;
        }
        cooling.answered();
        cooling.refused(at(now), &Hints::default());
        assert_eq!(cooling.until(at(now)), Some((at(now + 250), false)));
    }

    #[test]
    fn a_limit_that_is_near_is_left_room_and_one_that_is_used_up_is_waited_for() {
        let cooling = Cooling::default();
        let told = |remaining| Hints {
            requests_remaining: Some(remaining),
            requests_limit: Some(1_000),
            requests_reset: Some(Duration::from_secs(5)),
            ..Hints::default()
        };
        cooling.hear(at(0), &told(500));
        assert!((cooling.headroom(at(0)) - 1.0).abs() < 1e-9);
        cooling.hear(at(0), &told(25));
        assert!((cooling.headroom(at(0)) - 0.5).abs() < 1e-6);
        assert!((cooling.headroom(at(5_001)) - 1.0).abs() < 1e-9, "not believed for ever");
        assert_eq!(cooling.until(at(0)), None);
        cooling.hear(at(0), &told(0));
        assert_eq!(cooling.until(at(0)), Some((at(5), false)), "a thousandth of the reset");
    }
}
