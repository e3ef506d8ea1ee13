use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Index, Tuning};
use crate::Hit;

const DIMENSIONS: usize = 24;
/// Every vector goes through the graph, and a pass begins early.
const GRAPH: Tuning = Tuning { scan_up_to: 4, breadth: 400 };

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.0 >> 48
    }

    fn value(&mut self) -> f32 {
        (0..4).map(|_| f32::from(u16::try_from(self.next()).unwrap()) / 65_536.0 - 0.5).sum()
    }

    /// Near one of 40 centres.
    fn vector(&mut self) -> Vec<f32> {
        let mut centre = Dice(self.next() % 40);
        (0..DIMENSIONS).map(|_| centre.value() + 0.6 * self.value()).collect()
    }
}

fn tend(index: &Index) {
    for _ in 0..100_000 {
        if !index.tend() {
            return;
        }
    }
    panic!("tending does not end");
}

fn best(vectors: &BTreeMap<u64, Vec<f32>>, query: &[f32]) -> Option<Hit> {
    let length = |of: &[f32]| of.iter().map(|value| value * value).sum::<f32>().sqrt();
    let score = |of: &[f32]| {
        of.iter().zip(query).map(|(left, right)| left * right).sum::<f32>() / length(of) / length(query)
    };
    let hits = vectors.iter().map(|(&id, of)| Hit { id, score: score(of) });
    hits.max_by(|left, right| left.score.total_cmp(&right.score))
}

/// Of 300 new queries, how many the index finds the nearest of.
fn recall(index: &Index, vectors: &BTreeMap<u64, Vec<f32>>, dice: &mut Dice) -> usize {
    let found = |_: &u32| {
        let query = dice.vector();
        let hits = index.search(&query, 1, |_| true).unwrap();
        (hits[0].score - best(vectors, &query).unwrap().score).abs() < 1e-5
    };
    (0..300).filter(found).count()
}

/// What must hold of the graph after each step of tending.
fn check(index: &Index) {
    let body = index.body();
    let Some(graph) = &body.graph else { return };
    graph.check(&body.rows);
}

#[test]
fn the_graph_stays_whole_while_all_vectors_change() {
    let mut dice = Dice(1);
    let index = Index::new(DIMENSIONS, GRAPH);
    let mut vectors = BTreeMap::new();
    for id in 0..6_000 {
        let vector = dice.vector();
        index.insert(id, &vector).unwrap();
        vectors.insert(id, vector);
        if id >= 1_500 {
            // One of the older ones goes, and a step or two are done.
            let gone = *vectors.keys().nth(usize::try_from(dice.next()).unwrap() % 700).unwrap();
            assert!(index.remove(gone));
            vectors.remove(&gone);
            index.tend();
            index.tend();
        }
        if id % 50 == 0 {
            check(&index);
        }
    }
    tend(&index);
    check(&index);
    assert_eq!(index.len(), 1_500);
    let recall = recall(&index, &vectors, &mut dice);
    assert!(recall >= 297, "{recall}");
    let slots = index.body().rows.slots();
    assert!(slots < 3_000, "6,000 came, 1,500 are there, in {slots} slots");
}

#[test]
fn what_waits_for_the_graph_is_found() {
    let mut dice = Dice(2);
    let index = Index::new(DIMENSIONS, GRAPH);
    let mut vectors = BTreeMap::new();
    for id in 0..5_000 {
        let vector = dice.vector();
        index.insert(id, &vector).unwrap();
        vectors.insert(id, vector);
    }
    assert_eq!(recall(&index, &vectors, &mut dice), 300);
    for _ in 0..700 {
        index.tend();
    }
    for (&id, vector) in &vectors {
        assert_eq!(index.search(vector, 1, |_| true).unwrap()[0].id, id);
    }
}

#[test]
fn a_partition_that_shrinks_goes_back_to_scanning_and_gives_memory_back() {
    let mut dice = Dice(3);
    let index = Index::new(DIMENSIONS, Tuning { scan_up_to: 400, breadth: 40 });
    let empty = index.bytes();
    let mut vectors = BTreeMap::new();
    for id in 0..3_000 {
        let vector = dice.vector();
        index.insert(id, &vector).unwrap();
        vectors.insert(id, vector);
    }
    tend(&index);
    assert!(index.body().graph.is_some());
    let full = index.bytes();
    for id in 0..2_950 {
        index.remove(id);
        vectors.remove(&id);
    }
    tend(&index);
    assert!(index.body().graph.is_none());
    assert!(index.bytes() < full / 20, "{} of {full}", index.bytes());
    assert_eq!(recall(&index, &vectors, &mut dice), 300);
    for id in 2_950..3_000 {
        assert!(index.remove(id));
    }
    assert!(index.is_empty() && index.search(&[1.0; DIMENSIONS], 5, |_| true).unwrap().is_empty());
    assert!(index.bytes() < empty + 4_096);
}

#[test]
fn old_vectors_leave_whole_chunks_empty() {
    let mut dice = Dice(4);
    let index = Index::new(DIMENSIONS, Tuning { scan_up_to: 400, breadth: 40 });
    for id in 0..4_000 {
        index.insert(id, &dice.vector()).unwrap();
    }
    tend(&index);
    let full = index.body().rows.bytes();
    (0..3_600).for_each(|id| assert!(index.remove(id)));
    tend(&index);
    let left = index.body().rows.bytes();
    assert!(index.body().graph.is_some() && left < full / 4, "{left} of {full}");
}

#[test]
fn a_few_entries_cost_about_their_vectors() {
    let index = Index::new(384, Tuning::default());
    for (id, value) in (0..).zip([1.0, 2.0, 3.0, 4.0, 5.0]) {
        index.insert(id, &[value; 384]).unwrap();
    }
    let vectors = 5 * 384 * 5;
    assert!(index.bytes() < vectors + vectors / 4 + 1_024, "{}", index.bytes());
}

#[test]
fn a_filter_is_kept_to() {
    let mut dice = Dice(5);
    for tuning in [GRAPH, Tuning { scan_up_to: usize::MAX, breadth: 40 }] {
        let index = Index::new(DIMENSIONS, tuning);
        for id in 0..1_000 {
            index.insert(id, &dice.vector()).unwrap();
        }
        tend(&index);
        let hits = index.search(&dice.vector(), 1_000, |id| id % 100 == 7).unwrap();
        let mut ids: Vec<_> = hits.iter().map(|hit| hit.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [7, 107, 207, 307, 407, 507, 607, 707, 807, 907]);
        assert!(hits.is_sorted_by(|left, right| left.score >= right.score));
    }
}

#[derive(Debug, Clone)]
enum Change {
    Insert(u64, u64),
    Remove(u64),
    Tend(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0_u64..40, any::<u32>()).prop_map(|(id, seed)| Change::Insert(id, seed.into())),
        2 => (0_u64..40).prop_map(Change::Remove),
        2 => any::<u8>().prop_map(Change::Tend),
    ]
}

proptest! {
    #[test]
    fn a_search_is_what_comparing_with_all_gives(
        changes in proptest::collection::vec(change(), 0..120),
        seed in any::<u32>(),
        graph in any::<bool>(),
    ) {
        let tuning = if graph { GRAPH } else { Tuning::default() };
        let index = Index::new(DIMENSIONS, tuning);
        let mut vectors = BTreeMap::new();
        for change in changes {
            match change {
                Change::Insert(id, seed) => {
                    let vector = Dice(seed).vector();
                    index.insert(id, &vector).unwrap();
                    vectors.insert(id, vector);
                }
                Change::Remove(id) => {
                    prop_assert_eq!(index.remove(id), vectors.remove(&id).is_some());
                }
                Change::Tend(steps) => {
                    (0..steps).any(|_| !index.tend());
                    check(&index);
                }
            }
            prop_assert_eq!(index.len(), vectors.len());
            let query = Dice(seed.into()).vector();
            let hits = index.search(&query, 40, |_| true).unwrap();
            prop_assert!(hits.iter().all(|hit| vectors.contains_key(&hit.id)));
            let mut ids: Vec<_> = hits.iter().map(|hit| hit.id).collect();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), hits.len());
            if !graph {
                prop_assert_eq!(hits.len(), vectors.len());
            }
            match (hits.first(), best(&vectors, &query)) {
                (Some(hit), Some(best)) => prop_assert!(
                    (hit.score - best.score).abs() < 1e-5 && (hit.id == best.id || hit.score >= best.score - 1e-6)
                ),
                (hit, best) => prop_assert_eq!(hit.copied(), best),
            }
        }
    }
}
