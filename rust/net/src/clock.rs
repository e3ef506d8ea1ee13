//! The lanes' time: monotonic, from one start that all engine threads share.

use std::sync::LazyLock;
use std::time::Instant;

use ferrogate_core::balance::Moment;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// `at` as lanes count it.
pub(crate) fn moment(at: Instant) -> Moment {
    Moment::after_start(at.saturating_duration_since(*START))
}

/// Now, as lanes count it.
pub(crate) fn now() -> Moment {
    moment(Instant::now())
}
