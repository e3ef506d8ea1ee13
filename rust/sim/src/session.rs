//! A comparison that a document asks for, that tells how far it is, and that can be ended.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::report::{Report, run_until};
use crate::scenario::{Scenario, all};

/// How often progress is told, and so how soon a cancel is met.
const STEP: Duration = Duration::from_millis(200);
/// Most seeds, and most times the load: beyond, a run is hours.
const MOST_SEEDS: u64 = 1000;
const MOST_LOAD: f64 = 100.0;

/// What to run.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Names of situations; none are all of them.
    pub scenarios: Vec<String>,
    /// The first seed.
    pub first_seed: u64,
    /// How many.
    pub seeds: u64,
    /// Times the requests, and lanes and limits to bear them.
    pub load: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { scenarios: Vec::new(), first_seed: 1, seeds: 20, load: 1.0 }
    }
}

impl Options {
    fn chosen(&self) -> Result<Vec<Scenario>, String> {
        let known = all();
        if let Some(name) = self.scenarios.iter().find(|name| known.iter().all(|one| one.name != **name)) {
            return Err(format!("scenarios: {name:?} is none of them"));
        }
        if !(1..=MOST_SEEDS).contains(&self.seeds) {
            return Err(format!("seeds must be between 1 and {MOST_SEEDS}, not {}", self.seeds));
        }
        if !(self.load > 0.0 && self.load <= MOST_LOAD) {
            return Err(format!("load must be above 0 and at most {MOST_LOAD}, not {}", self.load));
        }
        let wanted =
            |one: &Scenario| self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == one.name);
        Ok(known.into_iter().filter(wanted).map(|one| one.scaled(self.load)).collect())
    }
}

/// Runs what was asked for on threads of its own, and waits for its end.
///
/// `progress` is called on the calling thread, a few times a second, with how many of how many rows are done. Setting
/// `cancel` ends it soon, without a report. The error names the option that has no meaning.
pub fn run_asked(
    options: &Options,
    mut progress: impl FnMut(usize, usize),
    cancel: &AtomicBool,
) -> Result<Option<Report>, String> {
    let scenarios = options.chosen()?;
    let seeds: Vec<_> = (options.first_seed..).take(usize::try_from(options.seeds).unwrap_or(0)).collect();
    let (done, of) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let count = |now: usize, all: usize| {
        of.store(all, Ordering::Relaxed);
        done.store(now, Ordering::Relaxed);
    };
    let waiting = thread::current();
    let report = thread::scope(|scope| {
        let running = scope.spawn(|| {
            let report = run_until(&scenarios, &seeds, count, cancel);
            waiting.unpark();
            report
        });
        while !running.is_finished() {
            progress(done.load(Ordering::Relaxed), of.load(Ordering::Relaxed));
            thread::park_timeout(STEP);
        }
        running.join()
    });
    let report = report.map_err(|_| "the simulation came to no end".to_owned())?;
    Ok(Some(report).filter(|_| !cancel.load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Options {
        Options { scenarios: vec!["one lane 5x slower".into()], seeds: 2, load: 0.2, ..Options::default() }
    }

    #[test]
    fn what_was_asked_for_is_what_the_library_gives() {
        let asked = run_asked(&small(), |_, _| (), &AtomicBool::new(false)).unwrap().unwrap();
        let scenarios: Vec<_> = all().into_iter().take(1).map(|one| one.scaled(0.2)).collect();
        assert_eq!(asked, crate::run(&scenarios, &[1, 2], |_, _| ()));
    }

    #[test]
    fn a_cancelled_run_has_no_report() {
        let cancel = AtomicBool::new(false);
        let options = Options { seeds: 1000, load: 1.0, ..small() };
        let ended = run_asked(&options, |_, _| cancel.store(true, Ordering::Relaxed), &cancel).unwrap();
        assert_eq!(ended, None);
    }

    #[test]
    fn an_option_without_meaning_is_named() {
        for (name, options) in [
            ("scenarios", Options { scenarios: vec!["sunshine".into()], ..small() }),
            ("seeds", Options { seeds: 0, ..small() }),
            ("load", Options { load: f64::NAN, ..small() }),
            ("load", Options { load: 0.0, ..small() }),
        ] {
            let text = run_asked(&options, |_, _| (), &AtomicBool::new(false)).unwrap_err();
            assert!(text.starts_with(name), "{text}");
        }
    }
}
