//! Which lane is chosen, on virtual time.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::super::bench::{Bench, FAULT, REFUSED};
use super::super::{Class, Dice, Hints, Moment, Reason};

#[test]
fn weights_are_the_prior() {
    let mut bench = Bench::new(&[(0, 1.0), (0, 3.0)]);
    let counts = bench.counts(2_000, |_| 300);
    assert!((1_420..1_580).contains(&counts[1]), "{counts:?}");
}

#[test]
fn affinity_moves_only_what_must_move() {
    let mut bench = Bench::even(5);
    bench.counts(100, |_| 300);
    let home = |bench: &mut Bench, hash: u64| {
        let now = bench.at();
        bench.pool.order(now).with_affinity(hash).next(now, &mut bench.dice).unwrap()
    };
    let hashes: Vec<u64> = (1..300u64).map(|step| step * 0x9e37_79b9).collect();
    let before: Vec<_> = hashes.iter().map(|hash| home(&mut bench, *hash).index).collect();
    assert_eq!(before.iter().collect::<HashSet<_>>().len(), 5);
    for _ in 0..5 {
        bench.fail(2, Class::Lane, &Hints::default());
    }
    for (hash, was) in hashes.iter().zip(&before) {
        let pick = home(&mut bench, *hash);
        assert_eq!(pick.reason, Reason::Affinity);
        assert!(if *was == 2 { pick.index != 2 } else { pick.index == *was });
    }
}

#[test]
fn one_prefix_of_all_users_does_not_crowd_one_lane() {
    let mut bench = Bench::even(4);
    bench.counts(100, |_| 300);
    bench.now += 20_000;
    let mut running = Vec::new();
    for _ in 0..40 {
        let now = bench.at();
        running.push(bench.pool.order(now).with_affinity(7).next(now, &mut bench.dice).unwrap());
    }
    let mut counts = [0; 4];
    for pick in &running {
        counts[pick.index] += 1;
    }
    counts.sort_unstable();
    assert!((14..=16).contains(&counts[3]), "half more than its part of 40: {counts:?}");
}

#[test]
fn affinity_follows_weights() {
    let mut bench = Bench::new(&[(0, 1.0), (0, 3.0)]);
    bench.counts(50, |_| 300);
    let now = bench.at();
    let mut counts = [0, 0];
    for hash in 0..4_000u64 {
        let mut order = bench.pool.order(now).with_affinity(hash);
        counts[order.next(now, &mut bench.dice).unwrap().index] += 1;
    }
    assert!((2_850..3_150).contains(&counts[1]), "{counts:?}");
}

#[test]
fn tiers_are_exhausted_in_order_and_come_back() {
    let mut bench = Bench::new(&[(0, 1.0), (0, 1.0), (1, 100.0)]);
    assert_eq!(bench.counts(50, |_| 100)[2], 0);
    for lane in [0, 1] {
        for _ in 0..5 {
            bench.fail(lane, Class::Lane, &Hints::default());
        }
    }
    assert_eq!(bench.serve(|_| 100).0, 2);
    bench.now += 1_000;
    bench.counts(40, |_| 100);
    assert_eq!(bench.counts(40, |_| 100)[2], 0, "looked at, found well");
}

#[test]
fn all_out_the_least_bad_is_tried_or_the_time_is_told() {
    let mut bench = Bench::even(2);
    for lane in [0, 1] {
        for _ in 0..5 {
            bench.fail(lane, Class::Lane, &Hints::default());
        }
        bench.now += 300;
    }
    let now = bench.at();
    let mut order = bench.pool.order(now);
    let pick = order.next(now, &mut bench.dice).unwrap();
    assert_eq!((pick.index, pick.reason), (0, Reason::LeastBad), "the one that is back first");
    assert_eq!(order.next(now, &mut bench.dice).unwrap().index, 1);
    assert!(order.next(now, &mut bench.dice).is_none());

    for (lane, wait) in [(0, 9), (1, 5)] {
        let hints = Hints { retry_after: Some(Duration::from_secs(wait)), ..Hints::default() };
        bench.fail(lane, Class::Limited, &hints);
    }
    let now = bench.at();
    assert!(bench.pool.order(now).next(now, &mut bench.dice).is_none());
    let back = bench.pool.back_at(now).unwrap().since(now);
    assert!((4_999..=5_000).contains(&back.as_millis()), "{back:?}");
}

#[test]
fn a_decision_can_be_explained() {
    let mut bench = Bench::even(12);
    bench.counts(100, |_| 300);
    let now = bench.at();
    let mut order = bench.pool.order(now);
    let pick = order.next(now, &mut bench.dice).unwrap();
    let in_full = order.explain(Reason::Fallback, now);
    let decision = order.explain(Reason::Drawn, now);
    assert_eq!((decision.chosen, decision.lanes), (pick.index, 12));
    assert_eq!((in_full.considered.len(), decision.considered.len()), (8, 4));
    assert_eq!(decision.considered[0].index, pick.index);
    assert_eq!(decision.considered[0].in_flight, 1);
    assert!(decision.considered.iter().all(|lane| lane.ratio >= 1.0));
}

#[test]
fn threads_leave_nothing_behind() {
    let bench = Bench::even(5);
    thread::scope(|scope| {
        for seed in 0..4u64 {
            let pool = &bench.pool;
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                for step in 0..5_000u64 {
                    let now = Moment::after_start(Duration::from_millis(61_000 + step));
                    let mut order = pool.order(now);
                    let Some(mut pick) = order.next(now, &mut dice) else { continue };
                    match (step + seed) % 7 {
                        0 => drop(pick.guard),
                        1 => pick.guard.failure(now, FAULT, Class::Lane, &Hints::default()),
                        2 => pick.guard.failure(now, REFUSED, Class::Limited, &Hints::default()),
                        _ => {
                            pick.guard.first_token(now.plus(Duration::from_millis(5)));
                            pick.guard.success(now.plus(Duration::from_millis(9)), Some(30));
                        }
                    }
                }
            });
        }
    });
    let mut requests = 0;
    for member in bench.pool.members() {
        let (begun, successes, failures, cancelled) = member.lane.counts();
        assert_eq!(begun, successes + failures + cancelled);
        assert_eq!((member.lane.in_flight(), member.lane.waiting()), (0, 0));
        requests += begun;
    }
    assert!(requests > 15_000, "{requests}");
}

proptest! {
    #[test]
    fn each_lane_once_and_never_one_that_was_tried(
        lanes in prop::collection::vec((0u32..3, 0.1f64..10.0), 1..14),
        broken in prop::collection::vec(any::<bool>(), 14),
        seed in any::<u64>(),
    ) {
        let mut bench = Bench::new(&lanes);
        bench.dice = Dice::new(seed);
        for (lane, broken) in broken.iter().enumerate().take(lanes.len()) {
            if *broken {
                (0..5).for_each(|_| bench.fail(lane, Class::Lane, &Hints::default()));
            }
        }
        let now = bench.at();
        let mut order = bench.pool.order(now);
        let mut seen = Vec::new();
        while let Some(pick) = order.next(now, &mut bench.dice) {
            seen.push(pick.index);
            prop_assert!(seen.len() <= lanes.len());
        }
        prop_assert_eq!(order.remaining(), 0);
        let open: Vec<_> = seen.iter().filter(|lane| !broken[**lane]).map(|lane| lanes[*lane].0).collect();
        prop_assert!(open.is_sorted(), "tiers in order");
        prop_assert!(seen.iter().skip(open.len()).all(|lane| broken[*lane]), "those that are out come last");
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..lanes.len()).collect::<Vec<_>>());
    }
}
