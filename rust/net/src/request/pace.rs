//! How fast a client's body comes, so that nobody holds memory and a connection by sending a byte at a time.
//!
//! Only the time in which the gateway waited for the client counts: where it is the provider that does not read, the
//! client is not slow.

use std::time::{Duration, Instant};

/// Bytes a second, on average over the time waited.
const LEAST: u128 = 256;

/// The clocks of one body.
#[derive(Debug)]
pub(super) struct Pace {
    /// The longest pause; also the time that a body has before its average counts.
    idle: Duration,
    bytes: u128,
    waited: Duration,
    since: Option<Instant>,
}

impl Pace {
    pub(super) fn new(idle: Duration) -> Self {
        Self { idle, bytes: 0, waited: Duration::ZERO, since: None }
    }

    /// Nothing is here: the client is waited for from now on, unless it already is.
    pub(super) fn wait(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Bytes were here, without a wait.
    pub(super) fn found(&mut self, bytes: usize) {
        self.bytes += bytes as u128;
    }

    /// Bytes came; false where the body is too slow.
    pub(super) fn came(&mut self, now: Instant, bytes: usize) -> bool {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
        self.bytes += bytes as u128;
        self.waited <= self.idle || self.bytes * 1000 >= LEAST * self.waited.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Sends `bytes` every `pause` for `times` times; gives how many were taken.
    fn drip(pace: &mut Pace, bytes: usize, pause: Duration, times: u32) -> u32 {
        let start = Instant::now();
        (0..times)
            .take_while(|index| {
                pace.wait(start + pause * *index);
                pace.came(start + pause * (index + 1), bytes)
            })
            .count()
            .try_into()
            .unwrap()
    }

    #[test]
    fn a_drip_has_the_pause_and_no_longer() {
        assert_eq!(drip(&mut Pace::new(30 * SECOND), 1, SECOND, 1000), 30);
    }

    #[test]
    fn a_slow_line_has_all_the_time_it_needs() {
        assert_eq!(drip(&mut Pace::new(30 * SECOND), 256, SECOND, 100_000), 100_000);
    }

    #[test]
    fn time_in_which_nobody_asked_does_not_count() {
        let (mut pace, start) = (Pace::new(SECOND), Instant::now());
        assert!(pace.came(start, 1));
        assert!(pace.came(start + 1000 * SECOND, 1));
        pace.wait(start + 1000 * SECOND);
        assert!(!pace.came(start + 1002 * SECOND, 1));
    }
}
