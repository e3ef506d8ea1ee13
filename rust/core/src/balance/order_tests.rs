//! Every promise of the policy on virtual time, with scripted lanes.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;

use super::super::tuning::{PROBES_TO_CLOSE, RAMP};
use super::super::{Class, Dice, Hints, Lane, LaneFailure, LaneTables, Member, Moment, Pool, Reason};
use super::*;
use crate::error::Kind;

/// Lanes `(tier, weight)` of different keys, and a clock.
struct Bench {
    pool: Arc<Pool>,
    now: u64,
    dice: Dice,
}

const FAULT: LaneFailure = LaneFailure { kind: Kind::UpstreamStatus, status: 503 };
const REFUSED: LaneFailure = LaneFailure { kind: Kind::UpstreamStatus, status: 429 };

impl Bench {
    fn new(lanes: &[(u32, f64)]) -> Self {
        let mut tables = LaneTables::default();
        let members = lanes.iter().enumerate().map(|(index, &(tier, weight))| Member {
            lane: tables.table(&format!("key{index}")).lane("m"),
            tier,
            weight,
        });
        let mut bench = Self { pool: Arc::new(Pool::new(members.collect())), now: 1_000, dice: Dice::new(7) };
        bench.pool.refresh(bench.at());
        bench.now += 60_000;
        bench
    }

    fn even(count: usize) -> Self {
        Self::new(&vec![(0, 1.0); count])
    }

    fn at(&self) -> Moment {
        Moment::after_start(Duration::from_millis(self.now))
    }

    fn lane(&self, index: usize) -> &std::sync::Arc<Lane> {
        &self.pool.members()[index].lane
    }

    fn pick(&mut self) -> Pick {
        self.now += 150;
        let now = self.at();
        self.pool.order(now).next(now, &mut self.dice).unwrap()
    }

    /// One request that takes `millis` on the lane that is picked for it.
    fn serve(&mut self, millis: impl Fn(usize) -> u64) -> (usize, Reason) {
        let Pick { index, reason, mut guard } = self.pick();
        let end = Moment::after_start(Duration::from_millis(self.now + millis(index)));
        guard.first_token(end);
        guard.success(end, Some(20));
        (index, reason)
    }

    fn fail(&mut self, index: usize, class: Class, hints: &Hints) {
        let failure = if class == Class::Limited { REFUSED } else { FAULT };
        self.lane(index).begin(self.at()).failure(self.at(), failure, class, hints);
    }

    fn counts(&mut self, requests: usize, millis: impl Fn(usize) -> u64) -> Vec<usize> {
        let mut counts = vec![0; self.pool.members().len()];
        for _ in 0..requests {
            counts[self.serve(&millis).0] += 1;
        }
        counts
    }
}

#[test]
fn weights_are_the_prior() {
    let mut bench = Bench::new(&[(0, 1.0), (0, 3.0)]);
    let counts = bench.counts(2_000, |_| 300);
    assert!((1_420..1_580).contains(&counts[1]), "{counts:?}");
}

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
    let decision = order.explain(pick.reason, now);
    assert_eq!((decision.chosen, decision.lanes), (pick.index, 12));
    assert_eq!(decision.considered.len(), 8);
    assert_eq!(decision.considered[0].index, pick.index);
    assert_eq!(decision.considered[0].in_flight, 1);
    assert!(decision.considered.iter().all(|lane| lane.ratio >= 1.0));
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
    let delay = bench.lane(0).hedge_delay(bench.at()).unwrap().as_millis();
    assert!((950..1_150).contains(&delay), "{delay}");
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
