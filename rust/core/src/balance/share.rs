//! From estimates to weights: what part of the traffic each lane of a tier should get.
//!
//! A lane's cost is the time that a client waits on it, failures counted as if they were slow. What counts is the ratio
//! to the best lane of the tier: up to 1.25 lanes are alike and the configured weights rule; beyond, the share falls by
//! the sixth power. A lane that hardly gets any traffic is looked at now and then, so that it can come back.

use std::sync::atomic::Ordering::Relaxed;

use super::lane::Standing;
use super::pool::Member;
use super::tuning::{ALIKE, HEALTHY, NORMAL, PROBE_EVERY, SLOW, SLOWED, STARVED, STEEP, UNFELT};
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

/// A lane as it is at the tick; read once, because its window is twenty words.
struct Seen {
    standing: Standing,
    judged: Outcomes,
    cost: Option<f64>,
    pace: Option<f64>,
}

impl Seen {
    fn of(member: &Member, now: Moment) -> Self {
        let lane = &member.lane;
        let judged = lane.judged(now);
        let pace = lane.pace.get().map(|pace| pace.max(UNFELT / 10.0));
        Self { standing: lane.standing(now), judged, cost: lane.cost(now, judged), pace }
    }

    fn is_usable(&self) -> bool {
        matches!(self.standing, Standing::Ready | Standing::Full(_))
    }
}

/// Fills in `rows` for the `lanes` of one tier; `due` gets those that should be looked at.
pub(super) fn work_out(
    members: &[Member],
    lanes: &[usize],
    rows: &mut [Row],
    due: &mut Vec<usize>,
    now: Moment,
) {
    let seen: Vec<Seen> = lanes.iter().map(|lane| Seen::of(&members[*lane], now)).collect();
    let best = Best::of(members, lanes, &seen);
    for (&index, seen) in lanes.iter().zip(&seen) {
        let Member { lane, weight, .. } = &members[index];
        let ramp = lane.ramp(now);
        let ratio = best.ratio(seen);
        let mut row = Row { weight: 0.0, multiplier: 0.0, ratio, grown: ramp >= 1.0 };
        if seen.is_usable() {
            row.multiplier = multiplier(ratio, seen.judged);
            let part = if ratio <= ALIKE { 1.0 } else { (ALIKE / ratio).powi(STEEP) };
            row.weight = weight * row.multiplier * part * ramp * lane.cooling.headroom(now);
            if row.multiplier * part < STARVED {
                // So little is as well none: it is the looks that keep it in view, and they have an allowance.
                row.weight = 0.0;
                let last = Moment::from_nanos(lane.begun.load(Relaxed));
                if lane.waiting() == 0 && now.since(last) >= PROBE_EVERY {
                    due.push(index);
                }
            }
        } else if seen.standing == Standing::Probing {
            due.push(index);
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
    fn of(members: &[Member], lanes: &[usize], seen: &[Seen]) -> Self {
        let mut best = Self { cost: f64::INFINITY, pace: f64::INFINITY };
        let mut unknown = f64::INFINITY;
        for (index, seen) in lanes.iter().zip(seen).filter(|(_, seen)| seen.is_usable()) {
            let cost = seen.cost.unwrap_or(f64::INFINITY);
            if members[*index].lane.ttft.samples() >= KNOWN {
                best.cost = best.cost.min(cost);
            } else {
                unknown = unknown.min(cost);
            }
            best.pace = best.pace.min(seen.pace.unwrap_or(f64::INFINITY));
        }
        if best.cost.is_infinite() {
            best.cost = unknown;
        }
        best
    }

    /// 1 for a lane of which nothing is known.
    fn ratio(&self, seen: &Seen) -> f64 {
        let part = |value: Option<f64>, best: f64| match value {
            Some(value) if best.is_finite() && best > 0.0 => value / best,
            _ => 1.0,
        };
        part(seen.cost, self.cost).max(part(seen.pace, self.pace) * PACE_COUNTS).max(1.0)
    }
}
