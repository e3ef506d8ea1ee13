use super::*;
use crate::policy::{Ask, Attempt, End, Policy};

fn told(policy: &mut dyn Policy, lanes: usize) {
    (0..lanes).for_each(|lane| policy.joined(0.0, lane, 1.0));
}

fn picks(policy: &mut dyn Policy, now: f64, tried: &[usize], times: usize) -> Vec<usize> {
    let mut random = Random::of(&[1]);
    let mut counts = vec![0; 3];
    for _ in 0..times {
        let ask = Ask { now, tried, present: &[true; 3], truth: &[] };
        counts[policy.pick(&ask, &mut random).unwrap()] += 1;
    }
    counts
}

#[test]
fn the_plain_ones() {
    let mut weighted = StaticWeighted::default();
    (0..3).for_each(|lane| weighted.joined(0.0, lane, if lane == 2 { 2.0 } else { 1.0 }));
    let counts = picks(&mut weighted, 0.0, &[], 4_000);
    assert!((1_900..2_100).contains(&counts[2]), "{counts:?}");
    assert_eq!(picks(&mut RoundRobin::default(), 0.0, &[], 9), [3, 3, 3]);
    assert_eq!(picks(&mut RoundRobin::default(), 0.0, &[1], 8), [4, 0, 4]);
    let mut least = LeastInFlight::default();
    told(&mut least, 3);
    least.begun(0.0, Attempt { id: 0, lane: 0 });
    least.begun(0.0, Attempt { id: 1, lane: 2 });
    assert_eq!(picks(&mut least, 0.0, &[], 10), [0, 10, 0]);
}

#[test]
fn peak_ewma_prefers_what_fails_fast() {
    let mut peak = PeakEwma::default();
    told(&mut peak, 3);
    for lane in 0..3 {
        let attempt = Attempt { id: lane, lane };
        peak.begun(0.0, attempt);
        if lane == 2 {
            peak.ended(60.0, attempt, End::Failed(503, 0.05, None));
        } else {
            peak.first_token(60.0, attempt, 2.0);
            peak.ended(60.0, attempt, End::Answered(10));
        }
    }
    let counts = picks(&mut peak, 60.0, &[], 900);
    assert!(counts[2] > 550, "two pairs of three: {counts:?}");
}

#[test]
fn scores_are_those_of_their_formulas() {
    let mut scored = Scored::default();
    told(&mut scored, 3);
    let attempt = Attempt { id: 0, lane: 0 };
    scored.begun(0.0, attempt);
    scored.ended(0.0, attempt, End::Failed(500, 0.1, None));
    assert_eq!(picks(&mut scored, 0.0, &[], 300)[0], 0, "0.7 against 1");

    let mut reweighted = Reweighted::default();
    told(&mut reweighted, 3);
    picks(&mut reweighted, 0.0, &[], 1);
    for id in 0..10 {
        let attempt = Attempt { id, lane: 0 };
        reweighted.begun(1.0, attempt);
        reweighted.ended(1.0, attempt, End::Failed(500, 0.1, None));
    }
    let counts = picks(&mut reweighted, 5.0, &[], 8_000);
    let expected = 8_000.0 * (0.25 / 3.0 + 0.75 * 500.5 / (500.5 + 2_000.0));
    assert!((f64::from(u32::try_from(counts[0]).unwrap()) - expected).abs() < 120.0, "{counts:?}");
}
