//! Why a lane was chosen: compact and bounded, for the request's log record.

use super::lane::Standing;
use super::pool::Pool;
use super::{Moment, Outcomes};

/// The reason of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Drawn by weight.
    Drawn,
    /// The one that was drawn had more waiting for its weight.
    LessBusy,
    /// The healthy lane to which this prefix belongs.
    Affinity,
    /// A look at a lane that gets little or no traffic.
    Probe,
    /// Drawings missed; the best of the lanes that are open.
    Only,
    /// The lane before it failed.
    Fallback,
    /// All are out.
    LeastBad,
}

impl Reason {
    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::LessBusy => "less_busy",
            Self::Affinity => "affinity",
            Self::Probe => "probe",
            Self::Only => "only",
            Self::Fallback => "fallback",
            Self::LeastBad => "least_bad",
        }
    }
}

/// One lane as it was at the choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Considered {
    /// Its index in the pool.
    pub index: usize,
    /// Whether it could be used.
    pub standing: Standing,
    /// Seconds; None before the first sample.
    pub ttft: Option<f64>,
    /// Seconds a token; None before the first sample.
    pub pace: Option<f64>,
    /// Of the last 20 s; None where nothing ended.
    pub success: Option<f64>,
    /// Attempts that ran.
    pub in_flight: u32,
    /// Those without a first token.
    pub waiting: u32,
    /// On its configured weight.
    pub multiplier: f64,
    /// By which it was drawn.
    pub weight: f64,
    /// What a client waits here, to the best lane's.
    pub ratio: f64,
}

/// Lanes that a record names at most: a choice that went as usual is told in short, for every request has one.
const NAMED: usize = 8;
const NAMED_IN_SHORT: usize = 4;

impl Reason {
    const fn named(self) -> usize {
        match self {
            Self::Drawn | Self::LessBusy | Self::Affinity => NAMED_IN_SHORT,
            _ => NAMED,
        }
    }
}

/// One choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The lane that was chosen.
    pub chosen: usize,
    /// Why.
    pub reason: Reason,
    /// The chosen one, the one it was compared with, and others: up to four, and up to eight where it did not go as usual.
    pub considered: Vec<Considered>,
    /// How many there were.
    pub lanes: usize,
}

impl Decision {
    pub(super) fn of(
        pool: &Pool,
        tried: &[usize],
        beaten: Option<usize>,
        reason: Reason,
        now: Moment,
    ) -> Self {
        let table = pool.table.load();
        let chosen = tried.last().copied().unwrap_or(usize::MAX);
        let most = reason.named();
        let mut named: Vec<usize> = Vec::with_capacity(most);
        for index in [chosen].into_iter().chain(beaten).chain(0..pool.members.len()) {
            if named.len() == most {
                break;
            }
            if index < pool.members.len() && !named.contains(&index) {
                named.push(index);
            }
        }
        let considered = named
            .into_iter()
            .map(|index| {
                let (lane, row) = (&pool.members[index].lane, table.rows[index]);
                Considered {
                    index,
                    standing: lane.standing(now),
                    ttft: lane.ttft.get(),
                    pace: lane.pace.get(),
                    success: Some(lane.outcomes(now)).filter(|ended| ended.ended() > 0).map(Outcomes::ratio),
                    in_flight: lane.in_flight(),
                    waiting: lane.waiting(),
                    multiplier: row.multiplier,
                    weight: row.weight,
                    ratio: row.ratio,
                }
            })
            .collect();
        Self { chosen, reason, considered, lanes: pool.members.len() }
    }
}
