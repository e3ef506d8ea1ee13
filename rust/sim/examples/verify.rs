//! Prints when thresholds rise: `cargo run --profile quick --example verify -p ferrogate-sim [RUNS CHECKS]`.
//!
//! A line is a route with a known true error of all its hits, which is divided by `falls` with each tenth of similarity,
//! RUNS times: how often and when its threshold rose, where it was in the end (medians), what error was left there, and
//! how many of its hits; `at best` are those that one who knows the error would serve.

use std::io::{self, Write};

use ferrogate_core::cache::verify::PATIENCE;
use ferrogate_sim::verify::{Route, Run, TARGET, run};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let runs = numbers.next().unwrap_or(300);
    let checks = numbers.next().unwrap_or(5000);
    let mut out = io::stdout();
    writeln!(out, "target {TARGET}, {runs} runs of {checks} checks")?;
    for (name, patience) in [("as it is", PATIENCE), ("by the bound alone from 200 checks on", 200)] {
        writeln!(out, "\n{name}")?;
        writeln!(
            out,
            "| error | falls by .1 | rose in % | checks | threshold | error left | over target in % | hits left | at best | off in % |"
        )?;
        for falls in [1.0, 4.0, 16.0] {
            for error in [0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.3] {
                let route = Route::of(error, falls);
                let all: Vec<Run> =
                    (0..runs).map(|seed| run(&route, patience, checks, seed as u64)).collect();
                line(&mut out, error, &route, &all)?;
            }
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, error: f64, route: &Route, runs: &[Run]) -> io::Result<()> {
    let left: Vec<(f64, f64)> = runs.iter().map(|run| route.above(f64::from(run.threshold))).collect();
    let on: Vec<f64> = left.iter().filter(|left| left.1 > 0.0).map(|left| left.0).collect();
    let moved: Vec<f64> = runs.iter().filter_map(|run| run.moved).map(real).collect();
    let risen = runs.iter().map(|run| f64::from(run.threshold)).collect();
    let hundredths = |count: usize| 100.0 * real(count) / real(runs.len());
    writeln!(
        out,
        "| {:.2} % | {} | {:.1} | {:.0} | {:.3} | {:.2} % | {:.1} | {:.0} % | {:.0} % | {:.1} |",
        100.0 * error,
        route.falls,
        hundredths(moved.len()),
        median(moved),
        median(risen),
        100.0 * median(on.clone()),
        hundredths(on.iter().filter(|&&error| error > TARGET + 1e-9).count()),
        100.0 * left.iter().map(|left| left.1).sum::<f64>() / real(left.len()),
        100.0 * route.best(),
        hundredths(runs.len() - on.len()),
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn real(count: usize) -> f64 {
    count as f64
}
