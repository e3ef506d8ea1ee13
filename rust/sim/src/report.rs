//! Every policy through every situation, and what is promised about the gateway's own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde::Serialize;

use crate::Contender;
use crate::bars::{self, Bar};
use crate::scenario::{Scenario, Watch};
use crate::stats::{Estimate, percentile};
use crate::world::{Run, World};

/// One policy in one situation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Which policy.
    pub policy: &'static str,
    /// Share of requests that were answered; those that the client gave up are not counted.
    pub success: Estimate,
    /// Of those that had a first token, failed attempts before it included; seconds.
    pub p50_ttft: Estimate,
    /// The same.
    pub p99_ttft: Estimate,
    /// What was watched.
    pub watched: Vec<Watched>,
}

/// A measure of one lane's traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watched {
    /// What was measured.
    pub what: &'static str,
    /// Over the seeds.
    pub value: Estimate,
    /// What was promised: no more than this ..
    pub at_most: Option<f64>,
    /// .. and no less than this.
    pub at_least: Option<f64>,
}

/// One situation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub scenario: &'static str,
    /// Variants share it.
    pub group: u32,
    /// The gateway's own first, the oracle last.
    pub rows: Vec<Row>,
    /// The own p99 in times of the oracle's.
    pub to_oracle: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The seeds that were run.
    pub seeds: Vec<u64>,
    /// By situation.
    pub outcomes: Vec<Outcome>,
    /// What was promised.
    pub bars: Vec<Bar>,
}

/// Runs all of `scenarios` under every policy and seed, on as many threads as there are processors.
///
/// `progress` is told how many of how many situations are done. The report depends on nothing but its arguments.
pub fn run(scenarios: &[Scenario], seeds: &[u64], mut progress: impl FnMut(usize, usize)) -> Report {
    let rows = Contender::ALL.len();
    let situations = |done: usize, of: usize| {
        if done.is_multiple_of(rows) {
            progress(done / rows, of / rows);
        }
    };
    run_until(scenarios, seeds, situations, &AtomicBool::new(false))
}

/// The same, told how many rows are done; once `cancel` is set it ends soon, and the report is worth nothing.
pub(crate) fn run_until(
    scenarios: &[Scenario],
    seeds: &[u64],
    mut progress: impl FnMut(usize, usize),
    cancel: &AtomicBool,
) -> Report {
    let mut outcomes = Vec::with_capacity(scenarios.len());
    let all = scenarios.len() * Contender::ALL.len();
    for scenario in scenarios {
        let mut rows = Vec::with_capacity(Contender::ALL.len());
        for contender in Contender::ALL {
            progress(outcomes.len() * Contender::ALL.len() + rows.len(), all);
            rows.push(row(*contender, scenario, seeds, cancel));
        }
        let p99 = |row: Option<&Row>| row.map_or(f64::NAN, |row| row.p99_ttft.mean);
        let to_oracle = p99(rows.first()) / p99(rows.last());
        outcomes.push(Outcome { scenario: scenario.name, group: scenario.group, rows, to_oracle });
    }
    progress(all, all);
    let mut report = Report { seeds: seeds.to_vec(), outcomes, bars: Vec::new() };
    report.bars = bars::of(&report);
    report
}

fn row(contender: Contender, scenario: &Scenario, seeds: &[u64], cancel: &AtomicBool) -> Row {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = seeds.len().div_ceil(threads).max(1);
    let one = |seed: &u64| {
        let mut policy = contender.policy(*seed);
        let wanted = !cancel.load(Ordering::Relaxed);
        wanted.then(|| measures(scenario, World::new(scenario, *seed, policy.as_mut()).run()))
    };
    let measured: Vec<Measures> = thread::scope(|scope| {
        let parts: Vec<_> = seeds
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map_while(one).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    });
    let over = |of: &dyn Fn(&Measures) -> f64| Estimate::of(&measured.iter().map(of).collect::<Vec<_>>());
    let names = measured.first().map(|first| first.watched.clone()).unwrap_or_default();
    let watched = names.into_iter().enumerate().map(|(at, first)| Watched {
        what: first.what,
        value: over(&|measures| measures.watched[at].value),
        at_most: first.at_most,
        at_least: first.at_least,
    });
    let watched = watched.collect();
    Row {
        policy: contender.name(),
        success: over(&|measures| measures.success),
        p50_ttft: over(&|measures| measures.p50),
        p99_ttft: over(&|measures| measures.p99),
        watched,
    }
}

/// Of one run.
struct Measures {
    success: f64,
    p50: f64,
    p99: f64,
    watched: Vec<Measure>,
}

#[derive(Clone, Copy)]
struct Measure {
    what: &'static str,
    value: f64,
    at_most: Option<f64>,
    at_least: Option<f64>,
}

fn measures(scenario: &Scenario, mut run: Run) -> Measures {
    let ended = f64::from(run.answered + run.failed).max(1.0);
    Measures {
        success: f64::from(run.answered) / ended,
        p50: percentile(&mut run.waits, 0.5),
        p99: percentile(&mut run.waits, 0.99),
        watched: scenario.watch.map(|watch| watched(watch, scenario, &run)).unwrap_or_default(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of attempts")]
fn watched(watch: Watch, scenario: &Scenario, run: &Run) -> Vec<Measure> {
    let share = |lane: usize, from: f64, to: f64| {
        let within = run.sent.iter().filter(|(at, _)| (from..to).contains(at));
        let (mut all, mut its) = (0usize, 0usize);
        for (_, sent) in within {
            all += 1;
            its += usize::from(*sent == lane);
        }
        its as f64 / all.max(1) as f64
    };
    let weights: f64 = scenario.lanes.iter().map(|lane| lane.weight).sum();
    let of_fair =
        |lane: usize, from: f64, to: f64| share(lane, from, to) * weights / scenario.lanes[lane].weight;
    match watch {
        Watch::FailsFast { lane, from } => {
            let mut to_it = run.sent.iter().filter(|(at, sent)| *at >= from && *sent == lane);
            // A lane that never got its 20 has nothing after them.
            let value = to_it.nth(19).map_or(0.0, |(at, _)| share(lane, *at + 1e-9, f64::INFINITY));
            vec![measure("share of what follows the 20th", value, Some(0.02), None)]
        }
        Watch::Recovers { lane, at } => {
            let value = of_fair(lane, at + 30.0, at + 40.0);
            vec![measure("its part of its fair share after 30..40 s", value, None, Some(0.8))]
        }
        Watch::Joins { lane, at } => {
            let part = |from: f64, to: f64| of_fair(lane, at + from, at + to);
            vec![
                measure("its part of its fair share after 0..5 s", part(0.0, 5.0), Some(FAIR), None),
                measure("its part of its fair share after 5..10 s", part(5.0, 10.0), Some(FAIR), Some(0.5)),
                measure("its part of its fair share after 10..15 s", part(10.0, 15.0), Some(FAIR), Some(0.5)),
                measure("its part of its fair share after 15..30 s", part(15.0, 30.0), Some(FAIR), Some(0.5)),
                measure("its part of its fair share after 30..60 s", part(30.0, 60.0), Some(FAIR), Some(0.5)),
            ]
        }
    }
}

/// No more than its fair share, but for what a mean over twenty seeds can tell.
const FAIR: f64 = 1.02;

fn measure(what: &'static str, value: f64, at_most: Option<f64>, at_least: Option<f64>) -> Measure {
    Measure { what, value, at_most, at_least }
}
