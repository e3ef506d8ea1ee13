//! Knows how each lane behaves now, its limit and its load; not what luck an attempt will have.

use crate::lane::Live;
use crate::policy::{Ask, Policy};
use crate::random::Random;

/// The shortest expected wait, failures counted in as a second attempt elsewhere.
#[derive(Debug, Default)]
pub struct Oracle;

fn wait(live: &Live, now: f64) -> f64 {
    let behaviour = live.script.behaviour(now);
    if behaviour.hangs || behaviour.fails >= 1.0 || !live.has_room(now) {
        return f64::MAX;
    }
    let mean = behaviour.ttft * (behaviour.sigma * behaviour.sigma / 2.0).exp();
    mean * live.load() + behaviour.fails * (behaviour.fails_after + 10.0)
}

impl Policy for Oracle {
    fn pick(&mut self, ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let waits: Vec<_> = ask.open().map(|lane| (lane, wait(&ask.truth[lane], ask.now))).collect();
        let least = waits.iter().map(|(_, wait)| *wait).fold(f64::INFINITY, f64::min);
        let tied: Vec<_> = waits.iter().filter(|(_, wait)| *wait <= least * 1.000_001).collect();
        tied.get(random.below(tied.len().max(1))).map(|(lane, _)| *lane)
    }
}
