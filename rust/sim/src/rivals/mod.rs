//! Other ways of choosing, from their public descriptions, and the oracle.
//!
//! They were written and committed before the gateway's own policy was tuned. Where a description leaves something
//! open, the choice that makes the rival better was taken.

mod oracle;
mod peak;
mod plain;
mod scored;
mod weighted;

pub use oracle::Oracle;
pub use peak::PeakEwma;
pub use plain::{LeastInFlight, RoundRobin, StaticWeighted};
pub use scored::Scored;
pub use weighted::Reweighted;

use crate::random::Random;

/// Two different ones of `open`, or one twice where there is no other.
fn two(open: &[usize], random: &mut Random) -> Option<(usize, usize)> {
    let first = random.below(open.len().max(1));
    let mut second = random.below(open.len().saturating_sub(1).max(1));
    if open.len() > 1 && second >= first {
        second += 1;
    }
    Some((*open.get(first)?, *open.get(second)?))
}

#[cfg(test)]
mod tests;
