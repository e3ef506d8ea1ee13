//! Lanes among which requests are divided, and how that division is worked out.
//!
//! Weights are worked out by tick and kept in a cumulative table, so that a choice costs two draws by binary search and
//! the checks of the drawn lanes, whatever the number of lanes; what must count at once (cooldown, breaker, ceiling,
//! refused key) is checked on the drawn lane. A tick costs some 100 ns a lane and comes every 100 ms at most, from
//! whichever request finds it due; the others go on with the table that is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::Moment;
use super::affinity::Homes;
use super::lane::{Lane, Standing};
use super::order::Order;
use super::share::{self, Row};
use super::tuning::{PROBE_SHARE, TICK};

/// One lane of a pool.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its memory.
    pub lane: Arc<Lane>,
    /// Lower tiers are exhausted before higher ones are tried.
    pub tier: u32,
    /// Its configured share within the tier; without a positive one it is left out.
    pub weight: f64,
}

/// The lanes of one route.
#[derive(Debug)]
pub struct Pool {
    pub(super) members: Vec<Member>,
    pub(super) table: ArcSwap<Table>,
    refreshing: AtomicBool,
    tick: Duration,
    /// What probes may take of the traffic, in millionths of a request.
    allowance: AtomicU64,
}

/// Weights as of one tick.
#[derive(Debug)]
pub(super) struct Table {
    at: Option<Moment>,
    pub(super) rows: Vec<Row>,
    pub(super) tiers: Vec<Tier>,
    /// Lanes that should be looked at, and how many of them were.
    due: Vec<usize>,
    looked: AtomicUsize,
}

/// Lanes of one tier, drawn by weight.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) lanes: Vec<usize>,
    /// Sums of the weights up to each lane.
    sums: Vec<f64>,
    pub(super) homes: Homes,
}

const MILLION: f64 = 1e6;

impl Pool {
    /// A pool of `members`; lanes are named by their index in it.
    pub fn new(members: Vec<Member>) -> Self {
        let mut tiers: Vec<u32> = members.iter().map(|member| member.tier).collect();
        tiers.sort_unstable();
        tiers.dedup();
        let positive = |member: &Member| member.weight > 0.0 && member.weight.is_finite();
        let tier = |tier: u32| {
            let lanes: Vec<_> = (0..members.len())
                .filter(|index| members[*index].tier == tier && positive(&members[*index]))
                .collect();
            Tier { sums: Vec::new(), homes: Homes::default(), lanes }
        };
        let tiers = tiers.into_iter().map(tier).filter(|tier| !tier.lanes.is_empty()).collect();
        let rows = vec![Row::default(); members.len()];
        let table = Table { at: None, rows, tiers, due: Vec::new(), looked: AtomicUsize::new(0) };
        // A pool of a thousand lanes is worked out less often, so that it costs a request no more.
        let tick = TICK.max(Duration::from_micros(500) * u32::try_from(members.len()).unwrap_or(u32::MAX));
        Self {
            members,
            table: ArcSwap::from_pointee(table),
            refreshing: AtomicBool::new(false),
            tick,
            allowance: AtomicU64::new(0),
        }
    }

    /// The lanes, in the order of their indexes.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The order of lanes for one request.
    pub fn order(self: &Arc<Self>, now: Moment) -> Order {
        self.refresh(now);
        let earned = PROBE_SHARE * MILLION;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let earned = earned as u64;
        let most = 1_000_000;
        let _ = self
            .allowance
            .fetch_update(Relaxed, Relaxed, |held| (held < most).then(|| (held + earned).min(most)));
        Order::new(Arc::clone(self))
    }

    /// The live multiplier of a lane on its configured weight: what selection uses and the dashboard shows.
    pub fn multiplier(&self, index: usize, now: Moment) -> f64 {
        let held = self.table.load().rows.get(index).map_or(0.0, |row| row.multiplier);
        match self.members.get(index).map(|member| member.lane.standing(now)) {
            Some(Standing::Ready | Standing::Full(_)) => held,
            _ => 0.0,
        }
    }

    /// The part of the tier's traffic that is meant for a lane now.
    pub fn share(&self, index: usize) -> f64 {
        let table = self.table.load();
        let tier = table.tiers.iter().find(|tier| tier.lanes.contains(&index));
        let total: f64 =
            tier.map_or(0.0, |tier| tier.lanes.iter().map(|lane| table.rows[*lane].weight).sum());
        if total > 0.0 { table.rows[index].weight / total } else { 0.0 }
    }

    /// The earliest time at which a lane is back, where none is usable now: what a true Retry-After says.
    pub fn back_at(&self, now: Moment) -> Option<Moment> {
        let standings = self.members.iter().map(|member| member.lane.standing(now));
        let mut earliest: Option<Moment> = None;
        for standing in standings {
            if matches!(standing, Standing::Ready | Standing::Probing) {
                return None;
            }
            let until = standing.until();
            earliest = match (earliest, until) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        earliest
    }

    /// Works the table out anew where that is due; requests do it in passing, and a timer may.
    pub fn refresh(&self, now: Moment) {
        if self.table.load().at.is_some_and(|at| now.since(at) < self.tick)
            || self.refreshing.swap(true, Relaxed)
        {
            return;
        }
        let held = self.table.load();
        let mut rows = held.rows.clone();
        let mut due = Vec::new();
        let mut tiers = Vec::with_capacity(held.tiers.len());
        for tier in &held.tiers {
            // A tier behind one that serves is not looked at: its lanes are for when that fails.
            let serves = tiers.iter().any(|tier: &Tier| tier.sums.last().is_some_and(|sum| *sum > 0.0));
            let known = due.len();
            share::work_out(&self.members, &tier.lanes, &mut rows, &mut due, now);
            if serves {
                due.truncate(known);
            }
            let mut sum = 0.0;
            let sums = tier.lanes.iter().map(|lane| {
                sum += rows[*lane].weight;
                sum
            });
            let sums = sums.collect();
            let homes = Homes::of(&self.members, &tier.lanes, &rows);
            tiers.push(Tier { lanes: tier.lanes.clone(), sums, homes });
        }
        let table = Table { at: Some(now), rows, tiers, due, looked: AtomicUsize::new(0) };
        self.table.store(Arc::new(table));
        self.refreshing.store(false, Relaxed);
    }

    /// Takes a look at a starved lane from the allowance.
    pub(super) fn may_look(&self) -> bool {
        self.allowance.fetch_update(Relaxed, Relaxed, |held| held.checked_sub(1_000_000)).is_ok()
    }
}

impl Table {
    /// The next lane that is due for a look. Each is handed out once a tick.
    pub(super) fn next_due(&self) -> Option<usize> {
        if self.looked.load(Relaxed) >= self.due.len() {
            return None;
        }
        self.due.get(self.looked.fetch_add(1, Relaxed)).copied()
    }

    /// Gives back the last one, which could not be looked at yet.
    pub(super) fn put_back(&self) {
        self.looked.fetch_sub(1, Relaxed);
    }
}

impl Tier {
    /// A lane by weight; `random` is uniform in [0, 1).
    pub(super) fn draw(&self, random: f64) -> Option<usize> {
        let total = *self.sums.last().filter(|total| **total > 0.0)?;
        let point = random * total;
        let at = self.sums.partition_point(|sum| *sum <= point);
        self.lanes.get(at).copied()
    }
}
