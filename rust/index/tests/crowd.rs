//! Many threads on one set of partitions: what was removed never comes back, what stays is always found.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use ferrogate_index::{Partitions, Scope, Tuning};

const DIMENSIONS: usize = 32;
const SCOPE: Scope = Scope([3; 32]);
/// Vectors that stay, under ids from here on.
const STAYS: u64 = 1 << 32;
const STAYING: u64 = 400;

/// Some direction for each id.
fn vector(id: u64) -> Vec<f32> {
    let mut bits = id.wrapping_add(1);
    let value = |_| {
        bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        f32::from(u16::try_from(bits >> 48).unwrap_or_default()) / 32_768.0 - 1.0
    };
    (0..DIMENSIONS).map(value).collect()
}

/// Says that the threads beside it may end, also where its own fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn removed_ids_never_come_back_and_the_others_are_always_there() {
    let partitions = Partitions::new(DIMENSIONS, Tuning { scan_up_to: 64, breadth: 300 });
    for id in 0..STAYING {
        partitions.insert(&SCOPE, STAYS + id, &vector(STAYS + id)).unwrap();
    }
    // All ids below this one were removed.
    let (gone, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (searches, missed) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|threads| {
        threads.spawn(|| {
            let _ending = Ending(&over);
            for id in 0..12_000 {
                partitions.insert(&SCOPE, id, &vector(id)).unwrap();
                if id >= 300 {
                    assert!(partitions.remove(&SCOPE, id - 300));
                    gone.store(id - 299, SeqCst);
                }
                // Another scope comes and goes.
                let other = Scope([u8::try_from(id % 5).unwrap(); 32]);
                if other != SCOPE {
                    partitions.insert(&other, id, &vector(id)).unwrap();
                    assert!(partitions.remove(&other, id));
                }
            }
        });
        threads.spawn(|| {
            while !over.load(SeqCst) {
                partitions.tend(16);
            }
        });
        for reader in 0..2 {
            let (partitions, gone, over, searches, missed) = (&partitions, &gone, &over, &searches, &missed);
            threads.spawn(move || {
                let mut turn = reader;
                while !over.load(SeqCst) {
                    turn += 1;
                    let before = gone.load(SeqCst);
                    let stays = STAYS + turn % STAYING;
                    let hits = partitions.search(&SCOPE, &vector(stays), 4, |_| true).unwrap();
                    searches.fetch_add(1, SeqCst);
                    missed.fetch_add(u64::from(hits.first().is_none_or(|hit| hit.id != stays)), SeqCst);
                    let moving = vector(before + 200);
                    let hits = partitions.search(&SCOPE, &moving, 4, |_| true).unwrap();
                    assert!(hits.iter().all(|hit| hit.id >= before), "{hits:?} of {before}");
                }
            });
        }
    });
    while partitions.tend(64) {}
    assert_eq!(partitions.len() as u64, STAYING + 300);
    assert_eq!(partitions.scopes(), 1);
    for id in (0..STAYING).map(|id| STAYS + id).chain(11_700..12_000) {
        assert_eq!(partitions.search(&SCOPE, &vector(id), 1, |_| true).unwrap()[0].id, id);
    }
    let (searches, missed) = (searches.into_inner(), missed.into_inner());
    assert!(missed * 1000 <= searches, "{missed} of {searches}");
}
