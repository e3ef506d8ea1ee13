//! What is promised of the gateway's own policy, and whether it was kept.

use serde::Serialize;

use crate::report::{Outcome, Report, Row};

/// A success ratio this little below a rival's is as good: 0.05 points.
const AS_GOOD_SUCCESS: f64 = 0.0005;
/// A p99 this little above a rival's is as good: 1 %.
const AS_GOOD_P99: f64 = 1.01;
/// Of the situations, so many must be as good as a single rival or better.
const WINS: usize = 8;

/// One promise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// What was promised.
    pub what: String,
    /// What was measured.
    pub value: f64,
    /// Up to or from which it is kept.
    pub bar: f64,
    /// Whether it was.
    pub met: bool,
    /// Whether it is only aimed at.
    pub aim: bool,
}

impl Bar {
    fn at_most(what: String, value: f64, bar: f64) -> Self {
        Self { what, value, bar, met: value <= bar, aim: false }
    }

    fn at_least(what: String, value: f64, bar: f64) -> Self {
        Self { what, value, bar, met: value >= bar, aim: false }
    }
}

/// The gateway's own, the rivals, the oracle.
fn parts(outcome: &Outcome) -> Option<(&Row, &[Row], &Row)> {
    let (own, others) = outcome.rows.split_first()?;
    let (oracle, rivals) = others.split_last()?;
    Some((own, rivals, oracle))
}

/// All promises, in the order in which they are printed.
pub fn of(report: &Report) -> Vec<Bar> {
    let mut bars = Vec::new();
    for outcome in &report.outcomes {
        let Some((own, rivals, oracle)) = parts(outcome) else { continue };
        let name = outcome.scenario;
        let success = rivals.iter().map(|row| row.success.mean).fold(0.0, f64::max);
        // The fastest of those that answered as much: one that fails what is slow is no rival in speed.
        let equals = rivals.iter().filter(|row| row.success.mean >= success - 0.003);
        let p99 = equals.map(|row| row.p99_ttft.mean).fold(f64::INFINITY, f64::min);
        let below = (success - own.success.mean) * 100.0;
        bars.push(Bar::at_most(format!("{name}: answered, points below the best rival"), below, 0.3));
        bars.push(Bar::at_most(format!("{name}: p99, times the best rival's"), own.p99_ttft.mean / p99, 1.1));
        let what = format!("{name}: p99, times the oracle's (an aim)");
        bars.push(Bar { aim: true, ..Bar::at_most(what, own.p99_ttft.mean / oracle.p99_ttft.mean, 1.25) });
        bars.extend(own.watched.iter().flat_map(|watched| {
            let what = |of: &str| format!("{name}: {}{of}", watched.what);
            let value = watched.value.mean;
            watched
                .at_most
                .map(|bar| Bar::at_most(what(""), value, bar))
                .into_iter()
                .chain(watched.at_least.map(|bar| Bar::at_least(what(""), value, bar)))
        }));
    }
    bars.extend(against_each(report));
    bars
}

/// Situations, variants counted once, in which the own policy is as good as each rival or better.
fn against_each(report: &Report) -> Vec<Bar> {
    let Some((_, rivals, _)) = report.outcomes.first().and_then(parts) else { return Vec::new() };
    let bar = |at: usize, rival: &Row| {
        let mut groups: Vec<(u32, bool)> = Vec::new();
        for outcome in &report.outcomes {
            let Some((own, rivals, _)) = parts(outcome) else { continue };
            let rival = &rivals[at];
            let good = own.success.mean >= rival.success.mean - AS_GOOD_SUCCESS
                && own.p99_ttft.mean <= rival.p99_ttft.mean * AS_GOOD_P99;
            match groups.iter_mut().find(|(group, _)| *group == outcome.group) {
                Some((_, all)) => *all &= good,
                None => groups.push((outcome.group, good)),
            }
        }
        let wins = groups.iter().filter(|(_, good)| *good).count();
        let what = format!("as good as {} or better, of {} situations", rival.policy, groups.len());
        #[expect(clippy::cast_precision_loss, reason = "eleven")]
        let (wins, least) = (wins as f64, WINS.min(groups.len()) as f64);
        Bar::at_least(what, wins, least)
    };
    rivals.iter().enumerate().map(|(at, rival)| bar(at, rival)).collect()
}
