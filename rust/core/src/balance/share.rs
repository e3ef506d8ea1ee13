//! From estimates to weights: what part of the traffic each lane of a tier should get.
//!
//! A lane's cost is the time that a client waits on it, failures counted as if they were slow. What counts is the ratio
//! to the best lane of the tier: up to 1.25 lanes are alike and the configured weights rule; beyond, the share falls by
//! the sixth power. A lane that hardly gets any traffic is looked at now and then, so that it can come back.

use std::time::Duration;

use super::lane::Standing;
use super::pool::Member;
use super::tuning::{ALIKE, HEALTHY, NORMAL, PROBE_EVERY, SLOW, SLOWED, STARVED, STEEP};
use super::{Moment, Outcomes};

/// What a tick found of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Row {
    /// By which it is drawn.
    pub(super) weight: f64,
    /// 1.2, 1.0, 0.5 or 0.
    pub(super) multiplier: f64,
    /// Its cost to the best one's.
    pub(super) ratio: f64,
    /// Whether it is past its climb.
    pub(super) grown: bool,
}

/// Outcomes from which a lane without a fault is called healthy.
const SEEN: u32 = 10;
/// A slower pace counts half: the first token is what a client waits for.
const PACE_COUNTS: f64 = 0.5;
/// First samples are luck: the best cost is taken from lanes that have more.
const KNOWN: u32 = 5;

/// Fills in `rows` for the `lanes` of one tier; `due` gets those that should be looked at.
pub(super) fn work_out(
    members: &[Member],
    lanes: &[usize],
    rows: &mut [Row],
    due: &mut Vec<usize>,
    now: Moment,
) {
    let usable =
        |lane: &usize| matches!(members[*lane].lane.standing(now), Standing::Ready | Standing::Full(_));
    let usable: Vec<_> = lanes.iter().copied().filter(usable).collect();
    let best = Best::of(members, &usable, now);
    for &index in lanes {
        let Member { lane, weight, .. } = &members[index];
        let ramp = lane.ramp(now);
        let ratio = best.ratio(&members[index], now);
        let mut row = Row { weight: 0.0, multiplier: 0.0, ratio, grown: ramp >= 1.0 };
        match lane.standing(now) {
            Standing::Ready | Standing::Full(_) => {
                row.multiplier = multiplier(ratio, lane.judged(now));
                let part = if ratio <= ALIKE { 1.0 } else { (ALIKE / ratio).powi(STEEP) };
                row.weight = weight * row.multiplier * part * ramp * lane.cooling.headroom(now);
                // Below a thousandth it is the looks that keep it in view.
                if row.multiplier * part < STARVED {
                    row.weight = 0.0;
                    let last = Moment::from_nanos(lane.begun.load(std::sync::atomic::Ordering::Relaxed));
                    let quiet = now.since(last);
                    if lane.waiting() == 0 && quiet >= PROBE_EVERY {
                        due.push(index);
                    }
                }
            }
            Standing::Probing => due.push(index),
            Standing::Resting(_) | Standing::Cooling(..) | Standing::KeyRefused => {}
        }
        rows[index] = row;
    }
}

fn multiplier(ratio: f64, judged: Outcomes) -> f64 {
    if ratio >= SLOW {
        SLOWED
    } else if ratio <= ALIKE && judged.faults == 0 && judged.successes >= SEEN {
        HEALTHY
    } else {
        NORMAL
    }
}

/// The best cost and the best pace of a tier.
struct Best {
    cost: f64,
    pace: f64,
}

impl Best {
    fn of(members: &[Member], lanes: &[usize], now: Moment) -> Self {
        let least = |of: &dyn Fn(&Member) -> Option<f64>| {
            let costs = lanes.iter().filter_map(|lane| of(&members[*lane]));
            costs.fold(f64::INFINITY, f64::min)
        };
        let known =
            |member: &Member| (member.lane.ttft.samples() >= KNOWN).then(|| member.lane.cost(now)).flatten();
        let mut cost = least(&known);
        if cost.is_infinite() {
            cost = least(&|member| member.lane.cost(now));
        }
        Self { cost, pace: least(&|member| member.lane.pace().as_ref().map(Duration::as_secs_f64)) }
    }

    /// 1 for a lane of which nothing is known.
    fn ratio(&self, member: &Member, now: Moment) -> f64 {
        let part = |value: Option<f64>, best: f64| match value {
            Some(value) if best.is_finite() && best > 0.0 => value / best,
            _ => 1.0,
        };
        let pace = member.lane.pace().as_ref().map(Duration::as_secs_f64);
        part(member.lane.cost(now), self.cost).max(part(pace, self.pace) * PACE_COUNTS).max(1.0)
    }
}
