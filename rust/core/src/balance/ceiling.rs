//! The load at which a lane began to answer 429, and how to stay below it.
//!
//! Additive increase, multiplicative decrease, in the form that fits limits of any size: a 429 sets the ceiling to 0.85
//! of the rate that was accepted; it grows slowly at first, so that the limit is touched about once in ten seconds, and
//! faster later, so that a raised one is found. Pacing is a virtual scheduling (GCRA) with room for half a second's worth.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Moment;
use super::tuning::{BACKS_OFF, CEILING_GROWS, CEILING_LASTS};

const SECONDS: usize = 8;
/// Whole seconds over which a rate is taken.
const OVER: u64 = 3;
/// A lane that accepted nothing is not known to accept nothing: the waits after its 429s are bound enough.
const LEAST: f64 = 0.5;
/// Seconds' worth that may be sent at once.
const BURST: f64 = 0.5;

/// Attempts by second.
#[derive(Debug, Default)]
struct Sent([AtomicU64; SECONDS]);

impl Sent {
    fn slot(&self, second: u64) -> (&AtomicU64, u64) {
        (&self.0[usize::try_from(second % SECONDS as u64).unwrap_or(0)], (second + 1) & 0xffff_ffff)
    }

    fn add(&self, now: Moment, refused: bool) {
        let (slot, stamp) = self.slot(now.seconds());
        let _ = slot.fetch_update(Relaxed, Relaxed, |word| {
            let count = if word >> 32 == stamp { word & 0xffff_ffff } else { 0 };
            let count = if refused { count.saturating_sub(1) } else { count + 1 };
            Some((stamp << 32) | count)
        });
    }

    /// A second, over the last whole ones and the running one.
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds and attempts")]
    fn rate(&self, now: Moment) -> f64 {
        let second = now.seconds();
        let back = OVER.min(second);
        let count: u64 = (second - back..=second)
            .map(|at| {
                let (slot, stamp) = self.slot(at);
                let word = slot.load(Relaxed);
                if word >> 32 == stamp { word & 0xffff_ffff } else { 0 }
            })
            .sum();
        let part = (now.nanos() % 1_000_000_000) as f64 / 1e9;
        count as f64 / (back as f64 + part).max(0.5)
    }
}

/// A learned limit.
#[derive(Debug, Default)]
pub(super) struct Ceiling {
    sent: Sent,
    /// Rate (f32) and when it was learned (milliseconds, 32 bits: seven weeks); 0 is none.
    learned: AtomicU64,
    /// When the next attempt is due, in nanoseconds.
    due: AtomicU64,
}

impl Ceiling {
    /// Attempts a second that the lane is held to, where it is.
    pub(super) fn get(&self, now: Moment) -> Option<f64> {
        let word = self.learned.load(Relaxed);
        let rate = f64::from(f32::from_bits(u32::try_from(word >> 32).unwrap_or(0)));
        let age = age(word, now);
        let (linear, square) = CEILING_GROWS;
        let seconds = age.as_secs_f64();
        let grown = seconds / linear + (seconds / square).powi(2);
        (word != 0 && age < CEILING_LASTS).then(|| rate * grown.exp())
    }

    /// Whether one more may be sent now.
    pub(super) fn has_room(&self, now: Moment) -> bool {
        self.back_at(now) <= now
    }

    /// When one more may be sent.
    pub(super) fn back_at(&self, now: Moment) -> Moment {
        let Some(rate) = self.get(now) else { return now };
        let ahead = Duration::from_secs_f64((BURST - 1.0 / rate).max(0.0));
        Moment::from_nanos(self.due.load(Relaxed).saturating_sub(Moment::after_start(ahead).nanos()))
    }

    /// One was sent.
    pub(super) fn sent(&self, now: Moment) {
        self.sent.add(now, false);
        if let Some(rate) = self.get(now) {
            let gap = Moment::after_start(Duration::from_secs_f64(1.0 / rate)).nanos();
            let _ =
                self.due.fetch_update(Relaxed, Relaxed, |due| Some(due.max(now.nanos()).saturating_add(gap)));
        }
    }

    /// One was refused. Those that were under way together lower the ceiling once.
    pub(super) fn refused(&self, now: Moment) {
        self.sent.add(now, true);
        let accepted = self.sent.rate(now);
        let held = self.get(now).unwrap_or(f64::INFINITY);
        let _ = self.learned.fetch_update(Relaxed, Relaxed, |word| {
            if word != 0 && age(word, now) < Duration::from_secs(1) {
                return None;
            }
            let rate = (accepted.min(held) * BACKS_OFF).max(LEAST);
            #[expect(clippy::cast_possible_truncation, reason = "seven digits of a rate are enough")]
            let bits = u64::from((rate as f32).to_bits());
            Some((bits << 32) | (now.millis() & 0xffff_ffff))
        });
    }
}

fn age(word: u64, now: Moment) -> Duration {
    let passed = now.millis().wrapping_sub(word) & 0xffff_ffff;
    // Another thread read its clock a little later and was here first.
    Duration::from_millis(if passed > 0xffff_ffff - 60_000 { 0 } else { passed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Moment {
        Moment::after_start(Duration::from_secs_f64(seconds))
    }

    /// Ten a second for three seconds, of which the limit takes four.
    fn limited() -> Ceiling {
        let ceiling = Ceiling::default();
        for step in 0..30 {
            let now = at(10.0 + f64::from(step) * 0.1);
            ceiling.sent(now);
            if step % 10 >= 4 && step < 29 {
                ceiling.sent.add(now, true);
            }
        }
        ceiling.refused(at(12.999));
        ceiling
    }

    #[test]
    fn it_is_learned_from_what_was_accepted() {
        let ceiling = limited();
        let learned = ceiling.get(at(13.0)).unwrap();
        assert!((2.4..3.6).contains(&learned), "{learned}");
        ceiling.refused(at(13.5));
        assert!((ceiling.get(at(13.5)).unwrap() / learned - 1.0).abs() < 0.02, "one burst counts once");
    }

    #[test]
    fn pacing_lets_through_what_it_says() {
        let ceiling = limited();
        let mut sent = 0.0;
        for step in 0..200 {
            let now = at(13.0 + f64::from(step) * 0.05);
            if ceiling.has_room(now) {
                ceiling.sent(now);
                sent += 1.0;
            }
        }
        let (from, to) = (ceiling.get(at(13.0)).unwrap(), ceiling.get(at(23.0)).unwrap());
        assert!(sent / 10.0 > from * 0.9 && sent / 10.0 < to * 1.15, "{sent} at {from}..{to}");
    }

    #[test]
    fn it_recovers() {
        let ceiling = limited();
        let learned = ceiling.get(at(13.0)).unwrap();
        assert!((1.1..1.25).contains(&(ceiling.get(at(23.0)).unwrap() / learned)));
        assert!(ceiling.get(at(73.0)).unwrap() / learned > 10.0);
        assert_eq!(ceiling.get(at(12.5)), ceiling.get(at(12.999)), "a clock that was read before");
        assert_eq!(ceiling.get(at(313.0)), None);
        assert!(ceiling.has_room(at(313.0)));
    }
}
