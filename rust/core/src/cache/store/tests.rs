use std::collections::HashMap;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::cache::key::Form;

fn key(number: u32) -> Key {
    Key::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn entry(body: &[u8], ttl: u64) -> Entry {
    Entry {
        tenant: "t".into(),
        form: Form::Chat,
        shape: Shape::Whole,
        body: Bytes::copy_from_slice(body),
        status: 200,
        content_type: "application/json".into(),
        model: "m".into(),
        provider: "p".into(),
        finish: Some("stop".into()),
        usage: None,
        route: "".into(),
        preview: "hello".into(),
        ttl,
        question: None,
    }
}

fn store(bytes: usize, stale: u64) -> Store {
    Store::new(&Settings { bytes, stale })
}

#[test]
fn an_answer_is_given_until_its_ttl() {
    let store = store(1 << 20, 0);
    assert!(store.put(&key(1), entry(b"a", 100), 50));
    let hit = store.get(&key(1), 149).unwrap();
    assert_eq!((&hit.entry.body[..], hit.age, hit.state), (&b"a"[..], 99, State::Fresh));
    assert!(store.get_within(&key(1), 149, 98).is_none());
    assert!(store.get_within(&key(1), 149, 99).is_some());
    assert!(store.get(&key(1), 150).is_none());
    assert!(store.get(&key(1), 60).is_none(), "what has expired does not come back with the clock");
    assert!(store.get(&key(2), 60).is_none());
    let stats = store.stats();
    assert_eq!((stats.hits, stats.misses, stats.expired, stats.entries, stats.bytes), (2, 4, 1, 0, 0));
}

#[test]
fn a_stale_answer_is_fetched_anew_by_one() {
    let store = store(1 << 20, 1000);
    store.put(&key(1), entry(b"a", 100), 0);
    let state = |now| store.get(&key(1), now).map(|hit| hit.state);
    assert_eq!(state(99), Some(State::Fresh));
    assert_eq!(state(100), Some(State::Stale { revalidate: true }));
    assert_eq!(state(101), Some(State::Stale { revalidate: false }));
    assert!(store.get_within(&key(1), 101, 100).is_none());
    store.put(&key(1), entry(b"b", 100), 200);
    assert_eq!(state(299), Some(State::Fresh));
    assert_eq!(state(1299), Some(State::Stale { revalidate: true }));
    assert_eq!(state(1300), None);
}

#[test]
fn a_revalidation_that_never_comes_is_given_to_another() {
    let store = store(1 << 20, 10 * REVALIDATION);
    store.put(&key(1), entry(b"a", 0), 0);
    let state = |now| store.get(&key(1), now).map(|hit| hit.state);
    assert_eq!(state(5), Some(State::Stale { revalidate: true }));
    assert_eq!(state(4 + REVALIDATION), Some(State::Stale { revalidate: false }));
    assert_eq!(state(5 + REVALIDATION), Some(State::Stale { revalidate: true }));
}

#[test]
fn what_is_asked_for_again_outlives_what_is_not() {
    let store = store(1 << 20, 0);
    for _ in 0..5 {
        for number in 0..100 {
            if store.get(&key(number), 0).is_none() {
                store.put(&key(number), entry(&[b'x'; 2000], 100), 0);
            }
        }
    }
    for number in 1000..20_000 {
        store.put(&key(number), entry(&[b'x'; 2000], 100), 0);
    }
    let kept = (0..100).filter(|&number| store.get(&key(number), 0).is_some()).count();
    assert!(kept >= 95, "{kept}");
    assert!(store.stats().evictions > 18_000);
}

#[test]
fn an_answer_larger_than_the_store_is_not_kept() {
    let store = store(1 << 16, 0);
    assert!(!store.put(&key(1), entry(&vec![0; 1 << 16], 100), 0));
    assert_eq!((store.stats().entries, store.get(&key(1), 0).is_none()), (0, true));
}

#[test]
fn a_body_does_not_keep_the_buffer_it_was_cut_from() {
    let store = store(1 << 20, 0);
    let buffer = Bytes::from(vec![b'x'; 1 << 19]);
    store.put(&key(1), Entry { body: buffer.slice(10..20), ..entry(b"", 100) }, 0);
    assert!(buffer.is_unique());
}

#[test]
fn entries_are_listed_and_purged() {
    let store = store(64 << 20, 0);
    assert!(store.shards.len() > 1);
    for number in 0..1000 {
        let tenant = if number % 4 == 0 { "a" } else { "b" };
        store.put(&key(number), Entry { tenant: tenant.into(), ..entry(b"x", 2000) }, u64::from(number));
    }
    store.get(&key(7), 50);
    let (mut listed, mut from) = (Vec::new(), Some(Cursor::default()));
    while let Some(cursor) = from {
        let (more, next) = store.list(cursor, 10);
        listed.extend(more);
        from = next;
    }
    assert_eq!(listed.len(), 1000);
    let seven = listed.iter().find(|listed| listed.key == key(7)).unwrap();
    assert_eq!((seven.stored_at, seven.hits, &*seven.entry.preview), (7, 1, "hello"));
    assert_eq!(store.purge(|listed| &*listed.entry.tenant == "a"), 250);
    assert_eq!(store.stats().entries, 750);
    assert_eq!((store.peek(&key(7)).unwrap().hits, store.peek(&key(8)).is_none()), (1, true));
    assert!(store.remove(&key(7)) && !store.remove(&key(7)));
    store.expire(2950);
    assert_eq!(store.stats().entries, 37, "951 to 999 without the fourth ones");
}

#[test]
fn the_bound_holds_under_many_threads() {
    let store = store(20 << 20, 0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..20_000u32 {
                    let number = number * 7 % 9001 + thread;
                    if let Some(hit) = store.get(&key(number), 0) {
                        assert_eq!(hit.entry.body[..4], number.to_le_bytes());
                    } else {
                        let body = [&number.to_le_bytes()[..], &vec![0; (number % 9000) as usize]].concat();
                        store.put(&key(number), entry(&body, 1), 0);
                    }
                    if number % 1000 == 0 {
                        store.purge(|listed| listed.hits > 100);
                    }
                }
            });
        }
    });
    let stats = store.stats();
    assert!(stats.bytes <= 20 << 20 && stats.evictions > 0);
    let (listed, _) = store.list(Cursor::default(), usize::MAX);
    assert_eq!(listed.iter().map(|listed| listed.entry.weight()).sum::<usize>(), stats.bytes);
    assert_eq!(listed.len(), stats.entries);
}

#[derive(Debug, Clone)]
enum Step {
    Get(u32),
    Put(u32, usize, u64),
    Remove(u32),
    Purge(u32),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u32..40).prop_map(Step::Get),
        8 => (0u32..40, 0usize..3000, 0u64..60).prop_map(|(key, size, ttl)| Step::Put(key, size, ttl)),
        1 => (0u32..40).prop_map(Step::Remove),
        1 => (0u32..4).prop_map(Step::Purge),
        4 => (0u64..30).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn it_gives_what_was_put_last_and_nothing_too_old(
        steps in prop::collection::vec(step(), 0..300),
        bytes in 2000usize..40_000,
        stale in 0u64..20,
    ) {
        let store = store(bytes, stale);
        let mut model: HashMap<u32, (Vec<u8>, u64, u64)> = HashMap::new();
        let mut now = 0;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(time) => now += time,
                Step::Put(at, size, ttl) => {
                    let body = [&number.to_le_bytes()[..], &vec![0; size]].concat();
                    store.put(&key(at), entry(&body, ttl), now);
                    model.insert(at, (body, now, ttl));
                }
                Step::Remove(at) => {
                    store.remove(&key(at));
                    model.remove(&at);
                }
                Step::Purge(rest) => {
                    let all: HashMap<Key, u32> = (0..40).map(|at| (key(at), at)).collect();
                    store.purge(|listed| all[&listed.key] % 4 == rest);
                    model.retain(|at, _| at % 4 != rest);
                }
                Step::Get(at) => if let Some(hit) = store.get(&key(at), now) {
                    let (body, stored_at, ttl) = &model[&at];
                    prop_assert_eq!(&hit.entry.body, body);
                    prop_assert_eq!(hit.age, now - stored_at);
                    prop_assert_eq!(hit.state == State::Fresh, hit.age < *ttl);
                    prop_assert!(hit.age < ttl + stale);
                },
            }
            let stats = store.stats();
            prop_assert!(stats.bytes <= bytes);
            let (listed, _) = store.list(Cursor::default(), usize::MAX);
            prop_assert_eq!(listed.iter().map(|listed| listed.entry.weight()).sum::<usize>(), stats.bytes);
            prop_assert_eq!(listed.len(), stats.entries);
        }
    }
}
