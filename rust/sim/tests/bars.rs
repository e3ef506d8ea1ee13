//! The promises, on fewer seeds than the page has, and that a run can be repeated. Virtual time: nothing here can flake.

use ferrogate_sim::{Contender, all, run};

#[test]
fn every_promise_is_kept() {
    let seeds: Vec<u64> = (1..=8).collect();
    let mut told = Vec::new();
    let report = run(&all(), &seeds, |done, of| told.push((done, of)));
    assert_eq!(told.last(), Some(&(12, 12)));
    let missed: Vec<_> =
        report.bars.iter().filter(|bar| !bar.met && !bar.what.ends_with("(an aim)")).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    let text = report.to_string();
    assert!(Contender::ALL.iter().all(|contender| text.contains(contender.name())));
    assert_eq!(serde_json::to_value(&report).unwrap()["outcomes"][0]["rows"][0]["policy"], "ferrogate");
}

#[test]
fn a_run_can_be_repeated() {
    let some: Vec<_> = all().into_iter().filter(|scenario| [4, 9].contains(&scenario.group)).collect();
    assert_eq!(run(&some, &[5, 6], |_, _| ()), run(&some, &[5, 6], |_, _| ()));
}

#[test]
fn the_oracle_knows_best() {
    let some: Vec<_> = all().into_iter().filter(|scenario| [1, 10].contains(&scenario.group)).collect();
    for outcome in run(&some, &[1, 2], |_, _| ()).outcomes {
        let oracle = outcome.rows.last().unwrap();
        for row in &outcome.rows {
            assert!(row.p99_ttft.mean >= oracle.p99_ttft.mean * 0.999, "{} {}", outcome.scenario, row.policy);
        }
    }
}
