//! What lanes are believed to do, and what follows, on virtual time.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, FAULT, REFUSED};
use super::tuning::{PROBES_TO_CLOSE, RAMP};
use super::{Class, Dice, Hints, LaneTables, Member, Pick, Pool, Reason, Standing};

#[test]
fn a_slow_lane_hardly_gets_any_and_is_still_looked_at() {
    let mut bench = Bench::even(4);
    bench.counts(100, |lane| if lane == 3 { 1_500 } else { 300 });
    let counts = bench.counts(2_000, |lane| if lane == 3 { 1_500 } else { 300 });
    assert!((1..=20).contains(&counts[3]), "{counts:?}");
    assert!((bench.pool.multiplier(3, bench.at()) - 0.5).abs() < 1e-9);
    assert!((bench.pool.multiplier(0, bench.at()) - 1.2).abs() < 1e-9);
}

#[test]
fn a_slow_lane_that_is_well_again_comes_back() {
    let mut bench = Bench::even(4);
    bench.counts(300, |lane| if lane == 3 { 1_500 } else { 300 });
    bench.counts(4_000, |_| 300);
    let counts = bench.counts(1_000, |_| 300);
    assert!(counts[3] > 200, "{counts:?}");
}

#[test]
fn a_fast_429_or_503_does_not_attract_traffic() {
    for class in [Class::Limited, Class::Lane] {
        let mut bench = Bench::even(3);
        bench.counts(60, |_| 2_000);
        let mut sent = 0;
        for _ in 0..600 {
            let Pick { index, guard, .. } = bench.pick();
            let end = bench.at().plus(Duration::from_millis(20));
            if index == 2 {
                sent += 1;
                guard.failure(
                    end,
                    if class == Class::Limited { REFUSED } else { FAULT },
                    class,
                    &Hints::default(),
                );
            } else {
                let mut guard = guard;
                let end = end.plus(Duration::from_secs(2));
                guard.first_token(end);
                guard.success(end, Some(20));
            }
        }
        assert!(sent < 40, "{sent} {class:?}");
        assert!(bench.lane(2).ttft().unwrap() > Duration::from_secs(1), "it does not look fast");
    }
}

#[test]
fn a_cancelled_request_says_nothing_about_health() {
    let mut bench = Bench::even(2);
    bench.counts(50, |_| 300);
    let before = (bench.lane(0).ttft(), bench.lane(0).outcomes(bench.at()), bench.lane(0).in_flight());
    for _ in 0..100 {
        drop(bench.lane(0).begin(bench.at()));
    }
    assert_eq!((bench.lane(0).ttft(), bench.lane(0).outcomes(bench.at()), bench.lane(0).in_flight()), before);
    assert_eq!(bench.lane(0).standing(bench.at()), Standing::Ready);
    assert_eq!(bench.lane(0).waiting(), 0);
}

#[test]
fn a_clients_error_is_nobodys_fault_and_looks_neither_fast_nor_well() {
    let bench = Bench::even(1);
    for class in [Class::Client, Class::Filter] {
        for _ in 0..50 {
            bench.lane(0).begin(bench.at()).failure(bench.at(), FAULT, class, &Hints::default());
        }
    }
    assert_eq!(bench.lane(0).standing(bench.at()), Standing::Ready);
    assert_eq!((bench.lane(0).ttft(), bench.lane(0).outcomes(bench.at()).ratio()), (None, 1.0));
    assert_eq!(bench.lane(0).counts(), (100, 100, 0, 0));
}

#[test]
fn every_form_of_retry_after_is_kept_to() {
    let mut bench = Bench::even(2);
    let waits = [
        (Hints { retry_after: Some(Duration::from_secs(5)), ..Hints::default() }, 5_000, true),
        (
            Hints {
                requests_remaining: Some(0),
                requests_reset: Some(Duration::from_secs(7)),
                ..Hints::default()
            },
            7_000,
            false,
        ),
        (Hints::default(), 250, false),
    ];
    for (hints, wait, stated) in waits {
        bench.now += 600_000;
        bench.fail(0, Class::Limited, &hints);
        let back = bench.at().plus(Duration::from_millis(wait));
        let Standing::Cooling(until, said) = bench.lane(0).standing(bench.at()) else {
            panic!("not cooling")
        };
        assert!(until.since(back) + back.since(until) < Duration::from_micros(1), "{hints:?}");
        assert_eq!(said, stated);
        assert!(bench.pool.multiplier(0, bench.at()).abs() < 1e-9);
        let end = bench.now + wait;
        while bench.now + 150 < end {
            assert_eq!(bench.serve(|_| 10).0, 1);
        }
    }
}

#[test]
fn a_refused_key_is_out_until_it_is_changed() {
    let mut bench = Bench::even(2);
    bench.fail(0, Class::Key, &Hints::default());
    bench.now += 3_600_000;
    assert_eq!(bench.counts(50, |_| 100), [0, 50]);
    bench.lane(0).key.restore();
    assert!(bench.counts(50, |_| 100)[0] > 5);
}

#[test]
fn one_probe_at_a_time_and_three_close_the_breaker() {
    let mut bench = Bench::even(2);
    bench.counts(40, |_| 100);
    for _ in 0..5 {
        bench.fail(0, Class::Lane, &Hints::default());
    }
    assert!(matches!(bench.lane(0).standing(bench.at()), Standing::Resting(_)));
    bench.now += 1_000;
    for probe in 0..PROBES_TO_CLOSE {
        let first = bench.pick();
        let answered = bench.at().plus(Duration::from_millis(100));
        assert_eq!((first.index, first.reason), (0, Reason::Probe), "{probe}");
        for _ in 0..20 {
            assert_eq!(bench.pick().index, 1, "one at a time");
        }
        let mut guard = first.guard;
        guard.first_token(answered);
        guard.success(answered, None);
    }
    assert_eq!(bench.lane(0).standing(bench.at()), Standing::Ready);
    let early = bench.counts(20, |_| 100)[0];
    bench.now += u64::try_from(RAMP.as_millis()).unwrap();
    let late = bench.counts(200, |_| 100)[0];
    assert!(early <= 8 && late > 70, "it climbs: {early} of 20, {late} of 200");
}

#[test]
fn a_probe_that_is_cancelled_leaves_its_place() {
    let mut bench = Bench::even(2);
    for _ in 0..5 {
        bench.fail(0, Class::Lane, &Hints::default());
    }
    bench.now += 1_000;
    for _ in 0..3 {
        assert_eq!(bench.pick().reason, Reason::Probe);
    }
}

#[test]
fn a_new_lane_is_neither_flooded_nor_starved() {
    let mut tables = LaneTables::default();
    let mut member =
        |index: usize| Member { lane: tables.table(&format!("key{index}")).lane("m"), tier: 0, weight: 1.0 };
    let old: Vec<_> = (0..3).map(&mut member).collect();
    let mut bench = Bench { pool: Arc::new(Pool::new(old.clone())), now: 1_000, dice: Dice::new(3) };
    bench.counts(1_000, |_| 300);
    bench.pool = Arc::new(Pool::new(old.into_iter().chain([member(3)]).collect()));
    let mut early = 0;
    let mut later = 0;
    let start = bench.now;
    for _ in 0..40 {
        for _ in 0..30 {
            // Many requests at one time: what waits must not draw all to the empty lane.
            bench.now -= 140;
            let (index, _) = bench.serve(|_| 300);
            if index == 3 && bench.now - start < 5_000 {
                early += 1;
            } else if index == 3 {
                later += 1;
            }
        }
    }
    assert!((20..125).contains(&early), "of 500: {early}");
    assert!((110..200).contains(&later), "of 700: {later}");
}

#[test]
fn a_lane_that_hangs_is_left_before_its_first_timeout() {
    let mut bench = Bench::even(3);
    bench.counts(90, |_| 300);
    let mut hung = Vec::new();
    for _ in 0..300 {
        bench.now -= 100;
        let Pick { index, mut guard, .. } = bench.pick();
        if index == 2 {
            hung.push(guard);
        } else {
            guard.first_token(bench.at().plus(Duration::from_millis(40)));
            guard.success(bench.at().plus(Duration::from_millis(40)), None);
        }
    }
    assert!(hung.len() < 25, "{} of 300 in 15 s", hung.len());
}

#[test]
fn the_learned_ceiling_keeps_429s_rare() {
    let mut bench = Bench::even(2);
    let (mut tokens, mut refused, mut accepted) = (0.0, 0, 0);
    for _ in 0..6_000 {
        bench.now -= 100; // 20 a second, of which lane 0 takes two.
        let Pick { index, mut guard, .. } = bench.pick();
        tokens = f64::min(tokens + 0.05 * 2.0, 2.0);
        let end = bench.at().plus(Duration::from_millis(40));
        if index == 1 || tokens >= 1.0 {
            if index == 0 {
                tokens -= 1.0;
                accepted += 1;
            }
            guard.first_token(end);
            guard.success(end, None);
        } else {
            refused += 1;
            guard.failure(end, REFUSED, Class::Limited, &Hints::default());
        }
    }
    assert!(refused < 60, "{refused} of 6,000");
    assert!(accepted > 350, "{accepted} of the 600 that it could take");
}

#[test]
fn long_answers_in_one_piece_do_not_look_slow() {
    let bench = Bench::even(2);
    let now = bench.at();
    for (lane, tokens) in [(0, 20u32), (1, 4_000)] {
        for _ in 0..10 {
            let mut guard = bench.lane(lane).begin(now);
            guard.in_one_piece();
            let took = Duration::from_millis(600 + 15 * u64::from(tokens));
            guard.success(now.plus(took), Some(tokens));
        }
    }
    let (short, long) = (bench.lane(0).ttft().unwrap(), bench.lane(1).ttft().unwrap());
    assert!(short < Duration::from_millis(700) && long < Duration::from_millis(700), "{short:?} {long:?}");
}

#[test]
fn a_hedge_waits_for_the_p95() {
    let bench = Bench::even(1);
    for step in 1..=100 {
        let mut guard = bench.lane(0).begin(bench.at());
        guard.first_token(bench.at().plus(Duration::from_millis(step * 10)));
    }
    let delay = bench.lane(0).hedge_delay(bench.at(), false).unwrap().as_millis();
    assert!((950..1_150).contains(&delay), "{delay}");
}
