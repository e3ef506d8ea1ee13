//! Numbered answers, and a folder for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ferrogate_core::cache::key::{Form, Key};
use ferrogate_core::cache::store::{self, Entry, Shape, Store};
use ferrogate_shelf::{Settings, Shelf};

pub(crate) const NOW: u64 = 1_700_000_000_000;
pub(crate) const LIMIT: u64 = 1 << 20;

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ferrogate-kept-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("answers.log")
    }

    /// Bytes of all files in it.
    pub(crate) fn bytes(&self) -> u64 {
        let files = fs::read_dir(&self.0).unwrap();
        files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A store with what was in the log, which is undamaged.
pub(crate) fn open(path: &Path, mut each: impl FnMut(u64, &[u8])) -> (Arc<Store>, Shelf) {
    let store = Arc::new(Store::new(&store::Settings { bytes: 64 << 20, stale: 0 }));
    let settings = Settings { limit_bytes: LIMIT, stale: 0, now: NOW };
    let each = |key: &Key, entry: &Entry, _| {
        each(number(key), &entry.body);
        true
    };
    let (shelf, opened) = Shelf::open(path, &settings, Arc::clone(&store), each).unwrap();
    assert_eq!((opened.damaged, opened.unread, opened.aside), (0, 0, None));
    (store, shelf)
}

pub(crate) fn key(number: u64) -> Key {
    let mut bytes = digest(number);
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    Key::from_bytes(bytes)
}

/// Some bytes that differ much from one number to the next, as those of a digest do.
fn digest(number: u64) -> [u8; 32] {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&mixed));
    bytes
}

fn number(key: &Key) -> u64 {
    key.as_bytes()[8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// An answer of its own for each number and version.
pub(crate) fn body(number: u64, version: u64) -> Vec<u8> {
    format!("{number} {version} ").repeat(100).into_bytes()
}

pub(crate) fn put(store: &Store, shelf: &Shelf, number: u64, version: u64) {
    let entry = Entry {
        tenant: "local".into(),
        form: Form::Chat,
        shape: Shape::Whole,
        body: body(number, version).into(),
        status: 200,
        content_type: "application/json".into(),
        model: "m".into(),
        provider: "p".into(),
        finish: None,
        usage: None,
        route: "r".into(),
        preview: "hello".into(),
        ttl: 60_000,
        question: None,
    };
    assert!(store.put(&key(number), entry, NOW));
    shelf.changed(&key(number));
}
