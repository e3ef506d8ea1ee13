use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ferrogate_core::cache::key::{Form, Key};
use ferrogate_core::cache::store::{self, Entry, Shape, Store};
use proptest::prelude::*;

use super::record::{self, HEAD};
use super::{Opened, Settings, Shelf};

mod damage;

const NOW: u64 = 1_700_000_000_000;
const TTL: u64 = 60_000;
const SETTINGS: Settings = Settings { limit_bytes: 8 << 20, stale: 5_000, now: NOW };

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ferrogate-shelf-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn log(&self) -> PathBuf {
        self.0.join("cache").join("answers.log")
    }

    /// A folder with such a log.
    fn with(log: &[u8]) -> Self {
        let folder = Self::new();
        fs::create_dir_all(folder.0.join("cache")).unwrap();
        fs::write(folder.log(), log).unwrap();
        folder
    }

    fn open(&self) -> (Kept, Opened) {
        self.open_with(&SETTINGS).unwrap()
    }

    fn open_with(&self, limits: &Settings) -> io::Result<(Kept, Opened)> {
        let store = Arc::new(Store::new(&store::Settings {
            bytes: limits.limit_bytes.try_into().unwrap(),
            stale: 0,
        }));
        let mut seen = BTreeSet::new();
        let (file, opened) = Shelf::open(&self.log(), limits, Arc::clone(&store), |key, _, _| {
            assert!(seen.insert(*key), "{key} was seen twice");
            true
        })?;
        assert_eq!(seen.len(), opened.entries);
        Ok((Kept { store, shelf: file }, opened))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A store and its shelf.
struct Kept {
    store: Arc<Store>,
    shelf: Shelf,
}

impl Kept {
    fn put(&self, number: u8, body: &str) {
        self.put_at(number, body, NOW);
    }

    fn put_at(&self, number: u8, body: &str, stored_at: u64) {
        assert!(self.store.put(&key(number), entry(body), stored_at));
        self.shelf.changed(&key(number));
    }

    fn remove(&self, number: u8) {
        self.store.remove(&key(number));
        self.shelf.changed(&key(number));
    }

    fn clear(&self) {
        self.store.purge(|_| true);
        self.shelf.cleared();
    }

    fn bodies(&self) -> BTreeMap<u8, String> {
        let (listed, _) = self.store.list(store::Cursor::default(), 1000);
        let body = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
        listed.iter().map(|item| (item.key.as_bytes()[0], body(&item.entry.body))).collect()
    }
}

fn key(number: u8) -> Key {
    Key::from_bytes([number; 32])
}

fn entry(body: &str) -> Entry {
    Entry {
        tenant: "local".into(),
        form: Form::Chat,
        shape: Shape::Whole,
        body: body.as_bytes().to_vec().into(),
        status: 200,
        content_type: "application/json".into(),
        model: "m".into(),
        provider: "p".into(),
        finish: None,
        usage: None,
        route: "r".into(),
        preview: "hello".into(),
        ttl: TTL,
        question: None,
    }
}

fn bodies<const N: usize>(bodies: [(u8, &str); N]) -> BTreeMap<u8, String> {
    bodies.map(|(number, body)| (number, body.to_owned())).into()
}

#[test]
fn what_was_kept_is_there_again() {
    let folder = Folder::new();
    let (kept, opened) = folder.open();
    assert_eq!(opened, Opened::default());
    kept.put(1, "one");
    kept.put(2, "two");
    kept.put_at(3, "three", NOW - 7);
    kept.shelf.flush().unwrap();
    kept.put(1, "one anew");
    kept.remove(2);
    kept.shelf.flush().unwrap();
    let three = kept.store.peek(&key(3)).unwrap();
    let copy = fs::read(folder.log()).unwrap();
    drop(kept);
    assert_eq!(fs::read(folder.log()).unwrap(), copy, "all was flushed");

    let (kept, opened) = folder.open();
    assert_eq!(opened, Opened { entries: 2, ..Opened::default() });
    assert_eq!(kept.bodies(), bodies([(1, "one anew"), (3, "three")]));
    let again = kept.store.peek(&key(3)).unwrap();
    assert_eq!((again.entry, again.stored_at), (three.entry, NOW - 7));
}

#[test]
fn dropping_writes_what_is_left() {
    let folder = Folder::new();
    folder.open().0.put(1, "one");
    assert_eq!(folder.open().0.bodies(), bodies([(1, "one")]));
}

#[test]
fn what_was_cleared_stays_away_and_what_came_later_does_not() {
    let folder = Folder::new();
    let (kept, _) = folder.open();
    kept.put(1, "one");
    kept.put(2, "two");
    kept.shelf.flush().unwrap();
    kept.put(3, "three");
    kept.clear();
    kept.put(2, "two anew");
    drop(kept);
    assert_eq!(folder.open().0.bodies(), bodies([(2, "two anew")]));
}

#[test]
fn what_is_too_old_is_passed_over_and_does_not_uncover_what_it_replaced() {
    let over = NOW - TTL - SETTINGS.stale;
    let mut log = HEAD.to_vec();
    let records = [
        (1, "fresh", NOW),
        (2, "stale", over + 1),
        (3, "over", over),
        (4, "of a clock that was set back", NOW + 1),
        (5, "replaced", NOW),
        (5, "over", over),
    ];
    for (number, body, stored_at) in records {
        record::put(&mut log, &key(number), stored_at, &entry(body));
    }
    let folder = Folder::with(&log);
    let (kept, opened) = folder.open();
    assert_eq!(opened, Opened { entries: 2, expired: 3, ..Opened::default() });
    assert_eq!(kept.bodies(), bodies([(1, "fresh"), (2, "stale")]));
}

#[test]
fn what_came_into_the_store_before_the_file_stays_and_gets_into_the_file() {
    let folder = Folder::new();
    let (kept, _) = folder.open();
    kept.put_at(1, "one", NOW - 2);
    kept.put_at(2, "two", NOW - 1);
    kept.put_at(3, "three", NOW - 1);
    drop(kept);
    let store = Arc::new(Store::new(&store::Settings { bytes: 8 << 20, stale: 0 }));
    store.put(&key(1), entry("one anew"), NOW - 1);
    store.put(&key(2), entry("two of before"), NOW - 2);
    store.put(&key(4), entry("four"), NOW);
    let wanted = |asked: &Key, _: &Entry, _| *asked != key(3);
    let (shelf, opened) = Shelf::open(&folder.log(), &SETTINGS, Arc::clone(&store), wanted).unwrap();
    assert_eq!((opened.entries, opened.refused), (1, 1));
    let kept = Kept { store, shelf };
    let expected = bodies([(1, "one anew"), (2, "two"), (4, "four")]);
    assert_eq!(kept.bodies(), expected);
    drop(kept);
    assert_eq!(folder.open().0.bodies(), expected);
}

#[test]
fn of_too_many_answers_the_newest_are_read() {
    let mut log = HEAD.to_vec();
    for number in 0..10 {
        record::put(&mut log, &key(number), NOW, &entry(&"x".repeat(100_000)));
    }
    let folder = Folder::with(&log);
    let (kept, opened) = folder.open_with(&Settings { limit_bytes: 450_000, ..SETTINGS }).unwrap();
    assert_eq!((opened.entries, opened.left_out), (4, 6));
    assert!(kept.bodies().into_keys().eq(6..10));
}

#[test]
fn one_process_at_a_time_has_it_open() {
    let folder = Folder::new();
    let (kept, _) = folder.open();
    let refused = folder.open_with(&SETTINGS).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
    drop(kept);
    folder.open();
}

#[test]
fn nobody_else_may_read_it() {
    let folder = Folder::new();
    let (kept, _) = folder.open();
    kept.put(1, "one");
    drop(kept);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.log().parent().unwrap()), 0o700);
    for file in fs::read_dir(folder.log().parent().unwrap()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[derive(Debug, Clone)]
enum Change {
    Put(u8, String),
    Remove(u8),
    Clear,
    Flush,
    Reopen,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (0_u8..9, "[a-z]{0,9}").prop_map(|(number, body)| Change::Put(number, body)),
        3 => (0_u8..9).prop_map(Change::Remove),
        1 => Just(Change::Clear),
        2 => Just(Change::Flush),
        1 => Just(Change::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_shelf_is_a_map_that_lasts(changes in proptest::collection::vec(change(), 0..40)) {
        let folder = Folder::new();
        let (mut kept, _) = folder.open();
        let mut expected = BTreeMap::new();
        for change in changes.into_iter().chain([Change::Reopen]) {
            match change {
                Change::Put(number, body) => {
                    kept.put(number, &body);
                    expected.insert(number, body);
                }
                Change::Remove(number) => {
                    kept.remove(number);
                    expected.remove(&number);
                }
                Change::Clear => {
                    kept.clear();
                    expected.clear();
                }
                Change::Flush => kept.shelf.flush().unwrap(),
                Change::Reopen => {
                    drop(kept);
                    kept = folder.open().0;
                }
            }
            prop_assert_eq!(&kept.bodies(), &expected);
        }
    }
}
