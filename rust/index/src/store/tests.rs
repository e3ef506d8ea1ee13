use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::record::{self, HEAD, PREFIX};
use super::{Model, Opened, Store};
use crate::{Scope, Tuning};

const DIMENSIONS: usize = 6;
const HOME: Scope = Scope([1; 32]);
const AWAY: Scope = Scope([2; 32]);

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ferrogate-index-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn log(&self) -> PathBuf {
        self.0.join("vectors.log")
    }

    fn open(&self) -> (Store, Opened) {
        Store::open(&self.log(), &model(), Tuning::default()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn model() -> Model {
    Model { name: "letters".to_owned(), sha256: [7; 32], dimensions: DIMENSIONS }
}

/// Some direction for each id.
fn vector(id: u64) -> Vec<f32> {
    let id = f32::from(u16::try_from(id).unwrap()) + 1.0;
    [1.3, 2.3, 3.3, 4.3, 5.3, 6.3].map(|at: f32| (id * at * 0.77).sin()).to_vec()
}

fn found(store: &Store, scope: &Scope) -> Vec<u64> {
    let mut ids: Vec<_> =
        store.search(scope, &vector(0), 1000, |_| true).unwrap().iter().map(|hit| hit.id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn what_was_written_is_there_again() {
    let folder = Folder::new();
    let (store, opened) = folder.open();
    assert_eq!(opened, Opened::default());
    for id in 0..20 {
        store.insert(&HOME, id, &vector(id)).unwrap();
        store.insert(&AWAY, id, &vector(id)).unwrap();
    }
    store.remove(&HOME, 3);
    store.insert(&HOME, 4, &vector(40)).unwrap();
    store.clear(&AWAY);
    store.insert(&AWAY, 77, &vector(77)).unwrap();
    let hits = store.search(&HOME, &vector(40), 3, |_| true).unwrap();
    store.flush().unwrap();
    let copy = fs::read(folder.log()).unwrap();
    drop(store);
    assert_eq!(fs::read(folder.log()).unwrap(), copy, "all was flushed");

    let (store, opened) = folder.open();
    assert_eq!(opened, Opened { entries: 20, ..Opened::default() });
    assert_eq!(store.search(&HOME, &vector(40), 3, |_| true).unwrap(), hits);
    assert_eq!(hits[0].id, 4);
    assert!(!found(&store, &HOME).contains(&3));
    assert_eq!(found(&store, &AWAY), [77]);
}

#[test]
fn dropping_writes_what_is_left() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    store.insert(&HOME, 9, &vector(9)).unwrap();
    drop(store);
    assert_eq!(found(&folder.open().0, &HOME), [9]);
}

/// The bytes of a log with vectors 0 to 4 of one scope.
fn five() -> Vec<u8> {
    let mut bytes = record::head(&model());
    let folder = Folder::new();
    let (store, _) = folder.open();
    for id in 0..5 {
        store.insert(&HOME, id, &vector(id)).unwrap();
    }
    drop(store);
    let file = fs::read(folder.log()).unwrap();
    assert!(file.starts_with(&bytes));
    bytes.clear();
    file
}

const INSERT: usize = PREFIX + 4 * DIMENSIONS;

#[test]
fn a_torn_last_record_is_cut_off_wherever_it_ends() {
    let file = five();
    let folder = Folder::new();
    for end in file.len() - INSERT..file.len() {
        fs::write(folder.log(), &file[..end]).unwrap();
        let (store, opened) = folder.open();
        let torn = (end - (file.len() - INSERT)) as u64;
        assert_eq!(opened, Opened { entries: 4, torn, ..Opened::default() });
        // What is written next stands where the torn record stood.
        store.insert(&HOME, 5, &vector(5)).unwrap();
        drop(store);
        let (store, opened) = folder.open();
        assert_eq!((found(&store, &HOME), opened.torn), (vec![0, 1, 2, 3, 5], 0), "cut at {end}");
    }
}

#[test]
fn a_head_that_was_being_written_is_written_again() {
    let head = record::head(&model());
    let folder = Folder::new();
    for end in 0..head.len() {
        fs::write(folder.log(), &head[..end]).unwrap();
        let (store, opened) = folder.open();
        assert_eq!(opened, Opened::default());
        drop(store);
        assert_eq!(fs::read(folder.log()).unwrap(), head);
    }
}

#[test]
fn a_flipped_byte_costs_its_record_only() {
    let file = five();
    let folder = Folder::new();
    let start = record::head(&model()).len();
    for at in start..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x40;
        fs::write(folder.log(), damaged).unwrap();
        let (store, opened) = folder.open();
        let lost = ((at - start) / INSERT) as u64;
        let left: Vec<_> = (0..5).filter(|id| *id != lost).collect();
        assert_eq!(found(&store, &HOME), left, "flipped at {at}");
        assert_eq!(opened.damaged + opened.torn, INSERT as u64);
        store.flush().unwrap();
        drop(store);
        // The damage is gone from the file too.
        let (store, opened) = folder.open();
        assert_eq!((found(&store, &HOME), opened.damaged, opened.torn), (left, 0, 0), "flipped at {at}");
    }
}

#[test]
fn another_models_log_is_set_aside_unread() {
    let others = [
        Model { name: "letter".to_owned(), ..model() },
        Model { sha256: [8; 32], ..model() },
        Model { dimensions: DIMENSIONS + 1, ..model() },
    ];
    let file = five();
    for other in others {
        let folder = Folder::new();
        fs::write(folder.log(), &file).unwrap();
        let (store, opened) = Store::open(&folder.log(), &other, Tuning::default()).unwrap();
        assert!(store.is_empty());
        let aside = opened.aside.unwrap();
        assert_eq!(fs::read(aside).unwrap(), file);
        drop(store);
        assert_eq!(fs::read(folder.log()).unwrap(), record::head(&other));
    }
}

#[test]
fn a_damaged_head_is_not_trusted() {
    let file = five();
    for at in 0..HEAD + model().name.len() {
        let folder = Folder::new();
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        fs::write(folder.log(), &damaged).unwrap();
        let (store, opened) = folder.open();
        assert!(store.is_empty());
        assert_eq!(fs::read(opened.aside.unwrap()).unwrap(), damaged);
    }
}

#[test]
fn a_log_of_mostly_nothing_is_written_anew() {
    let model = Model { dimensions: 1024, ..model() };
    let vector: Vec<f32> = (0..1024_u16).map(|at| f32::from(at).cos()).collect();
    let folder = Folder::new();
    let (store, _) = Store::open(&folder.log(), &model, Tuning::default()).unwrap();
    let written = 5_000;
    for id in 0..written {
        store.insert(&HOME, id % 10, &vector).unwrap();
        store.insert(&AWAY, id, &vector).unwrap();
        store.remove(&AWAY, id);
    }
    store.flush().unwrap();
    drop(store);
    let size = fs::metadata(folder.log()).unwrap().len();
    // Of twice as many vectors ten are left; 8 MiB are let be, and looked at after 8 MiB more.
    assert!(size < written * 1024 * 4, "{size} bytes");
    let (store, opened) = Store::open(&folder.log(), &model, Tuning::default()).unwrap();
    assert_eq!(opened, Opened { entries: 10, ..Opened::default() });
    assert_eq!(store.scopes(), 1);
}

#[test]
fn a_disk_that_refuses_is_reported_and_tried_again() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    store.insert(&HOME, 1, &vector(1)).unwrap();
    store.flush().unwrap();
    // A log that is damaged has to be written anew, which a folder in the new file's place prevents.
    drop(store);
    let mut file = fs::read(folder.log()).unwrap();
    let last = file.len() - 1;
    file.extend_from_within(last - INSERT + 1..);
    file[last] ^= 1;
    fs::write(folder.log(), file).unwrap();
    let blocked = folder.0.join("vectors.log.new");
    fs::create_dir(&blocked).unwrap();
    let (store, opened) = folder.open();
    assert_eq!((opened.entries, opened.damaged), (1, INSERT as u64));
    assert!(store.flush().is_err());
    store.insert(&HOME, 2, &vector(2)).unwrap();
    drop(store);
    fs::remove_dir(&blocked).unwrap();
    assert_eq!(found(&folder.open().0, &HOME), [1, 2]);
}

#[derive(Debug, Clone)]
enum Change {
    Insert(bool, u64, u64),
    Remove(bool, u64),
    Clear(bool),
    Reopen,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (any::<bool>(), 0_u64..12, 0_u64..99).prop_map(|(home, id, of)| Change::Insert(home, id, of)),
        3 => (any::<bool>(), 0_u64..12).prop_map(|(home, id)| Change::Remove(home, id)),
        1 => any::<bool>().prop_map(Change::Clear),
        1 => Just(Change::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_store_is_a_map_that_lasts(changes in proptest::collection::vec(change(), 0..60)) {
        let folder = Folder::new();
        let (mut store, _) = folder.open();
        let mut expected = std::collections::BTreeMap::new();
        let scope = |home: bool| if home { HOME } else { AWAY };
        for change in changes.into_iter().chain([Change::Reopen]) {
            match change {
                Change::Insert(home, id, of) => {
                    store.insert(&scope(home), id, &vector(of)).unwrap();
                    expected.insert((home, id), of);
                }
                Change::Remove(home, id) => {
                    prop_assert_eq!(store.remove(&scope(home), id), expected.remove(&(home, id)).is_some());
                }
                Change::Clear(home) => {
                    let before = expected.len();
                    expected.retain(|(other, _), _| *other != home);
                    prop_assert_eq!(store.clear(&scope(home)), before - expected.len());
                }
                Change::Reopen => {
                    drop(store);
                    store = folder.open().0;
                }
            }
            prop_assert_eq!(store.len(), expected.len());
        }
        for home in [true, false] {
            let ids: Vec<_> = expected.keys().filter(|key| key.0 == home).map(|key| key.1).collect();
            prop_assert_eq!(found(&store, &scope(home)), ids);
        }
        for ((home, id), of) in &expected {
            let hits = store.search(&scope(*home), &vector(*of), 12, |_| true).unwrap();
            let hit = hits.iter().find(|hit| hit.id == *id).unwrap();
            prop_assert!((hit.score - 1.0).abs() < 1e-5);
        }
    }
}
