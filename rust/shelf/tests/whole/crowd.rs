//! Many threads change a store while its log is written anew again and again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use crate::answers::{Folder, LIMIT, body, key, open, put};

const THREADS: u64 = 3;
const KEYS: u64 = 300;
const CHANGES: u64 = 40_000;

#[test]
fn what_is_in_the_file_is_what_is_in_the_store() {
    let folder = Folder::new();
    let (store, shelf) = open(&folder.log(), |_, _| ());
    let most = AtomicU64::new(0);
    thread::scope(|threads| {
        for thread in 0..THREADS {
            let (store, shelf, folder, most) = (&store, &shelf, &folder, &most);
            threads.spawn(move || {
                // All threads change the same keys; every third change takes one away.
                for change in 0..CHANGES {
                    let number = change.wrapping_mul(0x9e37_79b9).wrapping_add(thread * 7) % KEYS;
                    if (change + thread) % 3 == 0 {
                        store.remove(&key(number));
                        shelf.changed(&key(number));
                    } else {
                        put(store, shelf, number, change);
                    }
                    if change % 100 == 0 {
                        shelf.flush().unwrap();
                        most.fetch_max(folder.bytes(), Relaxed);
                    }
                    if change % 10_000 == 5_000 {
                        store.purge(|_| true);
                        shelf.cleared();
                    }
                }
            });
        }
    });
    shelf.flush().unwrap();
    let status = shelf.status();
    assert!(status.rewrites > 3, "{status:?}");
    // The log, and the new one beside it.
    assert!(most.load(Relaxed) < 4 * LIMIT, "{most:?} bytes");
    let mut expected = BTreeMap::new();
    for number in 0..KEYS {
        if let Some(listed) = store.peek(&key(number)) {
            expected.insert(number, listed.entry.body.to_vec());
        }
    }
    drop((store, shelf));
    let mut found = BTreeMap::new();
    let _ = open(&folder.log(), |number, body| {
        found.insert(number, body.to_vec());
    });
    assert!(found.len() > 50);
    // A list of keys says more than all bodies when they differ.
    assert!(found.keys().eq(expected.keys()), "{:?} {:?}", found.keys(), expected.keys());
    assert!(found == expected);
    assert!(found.iter().all(|(number, found)| found.starts_with(&body(*number, 0)[..2])));
}

#[test]
fn a_flood_that_the_store_does_not_hold_stays_within_bounds_on_the_disk() {
    let folder = Folder::new();
    let (store, shelf) = open(&folder.log(), |_, _| ());
    let mut most = 0;
    for number in 0..60_000 {
        put(&store, &shelf, number, 0);
        if number % 500 == 0 {
            shelf.flush().unwrap();
            most = most.max(folder.bytes());
        }
    }
    // The store holds far more than the file may.
    assert!(store.stats().bytes as u64 > 10 * LIMIT);
    assert!(most < 4 * LIMIT, "{most} bytes");
    drop((store, shelf));
    assert!(folder.bytes() < 3 * LIMIT);
}
