//! What verification promises, on routes whose true error is known. Seeds are fixed: nothing here is by luck.

use ferrogate_core::cache::verify::PATIENCE;
use ferrogate_sim::verify::{Route, Run, TARGET, run};

const RUNS: u64 = 100;

fn runs(error: f64, falls: f64, patience: usize) -> (Route, Vec<Run>) {
    let route = Route::of(error, falls);
    (route, (0..RUNS).map(|seed| run(&route, patience, 2000, seed)).collect())
}

fn risen(runs: &[Run]) -> usize {
    runs.iter().filter(|run| run.moved.is_some()).count()
}

#[test]
fn a_route_well_within_the_target_is_left_alone() {
    for falls in [1.0, 4.0] {
        assert!(risen(&runs(0.0025, falls, PATIENCE).1) <= 10);
    }
    // The bound alone, from 200 checks on, would move every third.
    assert!(risen(&runs(0.0025, 1.0, 200).1) >= 33);
}

#[test]
fn a_route_over_the_target_ends_within_it() {
    for error in [0.03, 0.05, 0.1] {
        let (route, runs) = runs(error, 16.0, PATIENCE);
        assert_eq!(risen(&runs), runs.len(), "{error}");
        let within = runs.iter().filter(|run| route.above(f64::from(run.threshold)).0 <= TARGET).count();
        assert!(within >= 90, "{error}: {within}");
    }
}

#[test]
fn it_moves_after_some_hundred_checks() {
    let (_, runs) = runs(0.05, 16.0, PATIENCE);
    let mut moved: Vec<usize> = runs.iter().filter_map(|run| run.moved).collect();
    moved.sort_unstable();
    assert!(moved[0] >= 200);
    assert!(moved[moved.len() * 9 / 10] <= 500, "{moved:?}");
}

#[test]
fn where_no_similarity_is_right_hits_go_off() {
    let (_, runs) = runs(0.3, 1.0, PATIENCE);
    assert!(runs.iter().all(|run| run.threshold > 1.0));
}
