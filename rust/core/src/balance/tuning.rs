//! The policy's numbers, in one place. None is a setting: it must work with none.
//!
//! They were found on seeds 1..20 of `ferrogate-sim` and checked on others; each says what it trades.

use std::time::Duration;

/// After so long without a sample, a mean is stale to 63 %.
pub(super) const FORGETS: Duration = Duration::from_secs(5);
/// Samples that a busy lane's mean remembers.
pub(super) const MEMORY: f64 = 32.0;

/// Faults in a row that open the breaker.
pub(super) const FAULTS_IN_A_ROW: u64 = 5;
/// Outcomes in the window from which its ratio may open the breaker ..
pub(super) const JUDGED_FROM: u32 = 10;
/// .. below this share of answers.
pub(super) const BREAKS_BELOW: f64 = 0.5;
/// The breaker's first rest; it doubles up to ..
pub(super) const REST: Duration = Duration::from_secs(1);
/// .. this. Longer would keep a lane that is well again out for longer.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(8);
/// Probes in a row that must be answered before the breaker closes.
pub(super) const PROBES_TO_CLOSE: u64 = 3;
/// A breaker that was closed for so long has forgotten earlier rests.
pub(super) const FORGIVES: Duration = Duration::from_secs(30);

/// A 429 that says nothing: the first wait, which doubles up to ..
pub(super) const UNSAID: Duration = Duration::from_millis(250);
/// .. this.
pub(super) const LONGEST_UNSAID: Duration = Duration::from_secs(8);
/// What a provider may ask for at most.
pub(super) const LONGEST_STATED: Duration = Duration::from_secs(24 * 3600);

/// Of the rate at which 429s came, so much is tried again; the rest is what a limit's own window hides.
pub(super) const BACKS_OFF: f64 = 0.85;
/// A learned ceiling grows by an exponent that is linear over the first of these times, and square over the second: a
/// limit is met again after ten seconds, and one that is far away is found within a minute.
pub(super) const CEILING_GROWS: (f64, f64) = (100.0, 40.0);
/// After so long without a 429 there is no ceiling.
pub(super) const CEILING_LASTS: Duration = Duration::from_secs(300);

/// A lane that is new, or back from the breaker, takes so long to its full share ..
pub(super) const RAMP: Duration = Duration::from_secs(8);
/// .. from this part of it.
pub(super) const RAMP_FROM: f64 = 0.1;

/// Up to this many times the best lane's wait, a lane is as good as it: noise must not move traffic.
pub(super) const ALIKE: f64 = 1.25;
/// Waits below this many seconds are alike, and paces below a tenth of it a token: between lanes that answer in a
/// millisecond or two there is noise alone.
pub(super) const UNFELT: f64 = 0.010;
/// Beyond, its share falls by this power of the ratio.
pub(super) const STEEP: i32 = 6;
/// From this ratio on, a lane is called slow.
pub(super) const SLOW: f64 = 1.5;
/// A share of failures makes a lane look slower by so much: 10 % of them, by 90 %.
pub(super) const FAULT_COSTS: f64 = 9.0;
/// Successes that every lane is credited with, so that one failure is not a verdict.
pub(super) const CREDIT: f64 = 8.0;

/// A prefix leaves its home while that has more than so many times its part of what runs.
pub(super) const CROWDED: f64 = 1.5;

/// Multipliers on the configured weight.
pub(super) const HEALTHY: f64 = 1.2;
pub(super) const NORMAL: f64 = 1.0;
pub(super) const SLOWED: f64 = 0.5;

/// A lane below this part of its configured share is kept in view by probes ..
pub(super) const STARVED: f64 = 0.05;
/// .. this often at most ..
pub(super) const PROBE_EVERY: Duration = Duration::from_secs(2);
/// .. and all of them together on this share of the traffic: it is what the slow lanes may cost the tail.
pub(super) const PROBE_SHARE: f64 = 0.004;

/// Weights are worked out anew so often.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// A drawn lane stands unless it has so many times the waiting requests, for its weight, of another one that was drawn.
pub(super) const BUSIER: f64 = 1.5;
