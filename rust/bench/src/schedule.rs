//! When requests are due.
//!
//! The runtime's timers have a grain of 1 ms, which at rates of hundreds a second would be most of the latency that is
//! measured; on Linux a timer file descriptor wakes the loop within microseconds instead.

use std::time::{Duration, Instant};

use crate::Error;

/// The planned times of one thread: `first`, then one every `period` until `until`, and at most `most` of them.
#[derive(Debug)]
pub(crate) struct Arrivals {
    first: Instant,
    period_ns: u64,
    until: Instant,
    most: u64,
    next: u64,
}

impl Arrivals {
    /// Thread `index` of `threads` takes every `threads`th request of `rate` a second.
    ///
    /// The step is whole nanoseconds, rounded up, because the timer's is: a plan that ran ahead of the ticks by
    /// fractions would find nothing due at one of them and be a whole period late.
    pub(crate) fn new(start: Instant, until: Instant, rate: f64, index: usize, threads: usize) -> Self {
        let step = Duration::from_secs_f64(1.0 / rate) + Duration::from_nanos(1);
        let step_ns = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        let first = start + Duration::from_nanos(step_ns.saturating_mul(index as u64));
        Self { first, period_ns: step_ns.saturating_mul(threads as u64), until, most: u64::MAX, next: 0 }
    }

    /// No more than `most` requests of this thread; 0 for no bound.
    pub(crate) fn at_most(self, most: u64) -> Self {
        Self { most: if most == 0 { u64::MAX } else { most }, ..self }
    }

    pub(crate) fn period(&self) -> Duration {
        Duration::from_nanos(self.period_ns)
    }

    pub(crate) fn first(&self) -> Instant {
        self.first
    }

    /// The next planned time that is not after `now`.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Instant> {
        let planned = self.planned();
        if planned > now || self.is_over() {
            return None;
        }
        self.next += 1;
        Some(planned)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.next >= self.most || self.planned() >= self.until
    }

    fn planned(&self) -> Instant {
        self.first + Duration::from_nanos(self.period_ns.saturating_mul(self.next))
    }
}

/// Ticks below this are joined: several requests then leave at one tick, each at most this late.
#[cfg(target_os = "linux")]
const SHORTEST_TICK: Duration = Duration::from_micros(20);

#[cfg(target_os = "linux")]
pub(crate) struct Ticker(tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>);

#[cfg(target_os = "linux")]
impl Ticker {
    /// Ticks at `first` and every `period` after it. Needs a running runtime.
    pub(crate) fn new(first: Instant, period: Duration) -> Result<Self, Error> {
        use rustix::time::{
            Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
        };
        let failed =
            |error: &dyn std::fmt::Display| Error::Generator(format!("no timer for the generator: {error}"));
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)
            .map_err(|error| failed(&error))?;
        // A zero value would disarm the timer.
        let wait = first.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let plan = Itimerspec { it_value: timespec(wait), it_interval: timespec(period.max(SHORTEST_TICK)) };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &plan).map_err(|error| failed(&error))?;
        #[expect(unsafe_code, reason = "tokio registers a foreign descriptor in no other way")]
        // SAFETY: an `OwnedFd` is open and the same until it is dropped, and the `AsyncFd` is its only owner.
        let registered =
            unsafe { tokio::io::unix::AsyncFd::register_with_interest(timer, tokio::io::Interest::READABLE) };
        registered.map(Self).map_err(|error| failed(&error.into_parts().1))
    }

    /// Wait for the next tick. Ticks that passed unseen are one.
    pub(crate) async fn tick(&mut self) {
        let Ok(mut guard) = self.0.readable().await else { return };
        let mut expirations = [0_u8; 8];
        let read = guard.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?));
        drop(read);
    }
}

#[cfg(target_os = "linux")]
fn timespec(time: Duration) -> rustix::time::Timespec {
    rustix::time::Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) struct Ticker(tokio::time::Interval);

#[cfg(not(target_os = "linux"))]
impl Ticker {
    #[expect(clippy::unnecessary_wraps, reason = "the Linux timer can fail to be made")]
    pub(crate) fn new(first: Instant, period: Duration) -> Result<Self, Error> {
        let mut interval = tokio::time::interval_at(first.into(), period.max(Duration::from_millis(1)));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        Ok(Self(interval))
    }

    pub(crate) async fn tick(&mut self) {
        self.0.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(rate: f64, index: usize, threads: usize, seconds: u64) -> Vec<Duration> {
        let start = Instant::now();
        let until = start + Duration::from_secs(seconds);
        let mut arrivals = Arrivals::new(start, until, rate, index, threads);
        let times = std::iter::from_fn(|| arrivals.due(until)).map(|at| at - start).collect();
        assert!(arrivals.is_over());
        times
    }

    #[test]
    fn threads_share_one_even_plan() {
        let mut all: Vec<_> = (0..3).flat_map(|index| times(300.0, index, 3, 2)).collect();
        all.sort();
        assert_eq!(all.len(), 600);
        let step = all[1];
        assert!(
            step >= Duration::from_nanos(3_333_333) && step <= Duration::from_nanos(3_333_335),
            "{step:?}"
        );
        for (count, at) in (0_u32..).zip(&all) {
            assert_eq!(*at, step * count);
        }
    }

    #[test]
    fn a_bounded_plan_ends_before_its_time() {
        let start = Instant::now();
        let until = start + Duration::from_secs(9);
        for (most, planned) in [(3, 3), (0, 90), (200, 90)] {
            let mut arrivals = Arrivals::new(start, until, 10.0, 0, 1).at_most(most);
            assert_eq!(std::iter::from_fn(|| arrivals.due(until)).count(), planned, "at most {most}");
            assert!(arrivals.is_over());
        }
    }

    #[test]
    fn nothing_is_due_early_and_nothing_is_lost_when_late() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start, start + Duration::from_secs(1), 10.0, 0, 1);
        assert_eq!(arrivals.due(start), Some(start));
        assert_eq!(arrivals.due(start + Duration::from_millis(99)), None);
        let late = start + Duration::from_millis(350);
        let due: Vec<_> =
            std::iter::from_fn(|| arrivals.due(late)).map(|at| (at - start).as_millis()).collect();
        assert_eq!(due, [100, 200, 300]);
    }
}
