//! The journal: whatever happens to its files, reading ends, and yields only rows that were written.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrogate_net::journal::{Journal, Options, Push, Reader, Record, RecordRef, RingProducer};

/// Rows of each of the two segments.
const ROWS: u64 = 40;
/// The row that is written behind the damage.
const LATER: u64 = 9_999;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ferrogate-fuzz-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Names and bytes of two whole segments, and all their rows in order.
struct Written {
    files: Vec<(String, Vec<u8>)>,
    rows: Vec<Record>,
}

fn written() -> &'static Written {
    static WRITTEN: OnceLock<Written> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let folder = Folder::new();
        for first in [0, ROWS] {
            let journal = Journal::open(Options::new(&folder.0)).unwrap();
            let mut producer = journal.producer();
            (first..first + ROWS).for_each(|number| push(&mut producer, number));
            journal.close();
        }
        let files = segments(&folder.0)
            .into_iter()
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect();
        let rows = read_all(&folder.0, 7);
        assert_eq!(rows.len() as u64, 2 * ROWS);
        Written { files, rows }
    })
}

/// Each row has a length of its own, so that frames cannot be mistaken for each other.
fn push(producer: &mut RingProducer, number: u64) {
    let model = "m".repeat(usize::try_from(number * 7 % 300).unwrap());
    let record = RecordRef {
        request_id: &format!("{number:026}"),
        started_ms: number,
        model: &model,
        client_request_id: Some("a request"),
        ..RecordRef::default()
    };
    assert_eq!(producer.push(&record), Push::Done);
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|kind| kind == "fj")).collect();
    found.sort();
    found
}

/// All rows, read `at_once` at a time; panics where a position stands still with rows or the reading does not end.
fn read_all(folder: &Path, at_once: usize) -> Vec<Record> {
    let reader = Reader::open(folder).unwrap();
    let (mut segment, mut offset, mut rows) = (0, 0, Vec::new());
    for _ in 0..1000 {
        let batch = reader.read(segment, offset, at_once).unwrap();
        assert!(batch.rows.len() <= at_once);
        if (batch.segment, batch.offset) == (segment, offset) {
            assert!(batch.rows.is_empty(), "rows without a new position come again");
            return rows;
        }
        assert!((batch.segment, batch.offset) > (segment, offset), "a position goes back");
        (segment, offset) = (batch.segment, batch.offset);
        rows.extend(batch.rows);
    }
    panic!("the reading does not end");
}

/// Eight bytes say one damage: the file, what happens, where, and with what.
pub(crate) fn check(data: &[u8]) {
    let good = written();
    let mut files = good.files.clone();
    let mut touched = [false; 2];
    for damage in data.as_chunks::<8>().0.iter().take(12) {
        let file = usize::from(damage[0] & 1);
        touched[file] = true;
        harm(&mut files[file].1, *damage);
    }
    let folder = Folder::new();
    for (name, bytes) in &files {
        fs::write(folder.0.join(name), bytes).unwrap();
    }
    let as_found = read_all(&folder.0, 1 + usize::from(data.first().copied().unwrap_or(9)) % 50);
    truthful(&as_found, &good.rows, touched);

    // Whatever the opening makes of it, the same rows and the new one are there afterwards.
    let journal = Journal::open(Options::new(&folder.0)).unwrap();
    push(&mut journal.producer(), LATER);
    journal.close();
    let mut recovered = read_all(&folder.0, 500);
    assert_eq!(recovered.pop().map(|row| row.started_ms), Some(LATER));
    assert_eq!(recovered, as_found, "opening the journal changed what can be read");
}

fn harm(bytes: &mut Vec<u8>, damage: [u8; 8]) {
    let [_, what, a, b, c, length, fill, times] = damage;
    if bytes.is_empty() {
        return;
    }
    let place = (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)) % bytes.len();
    let end = (place + usize::from(length)).min(bytes.len());
    match what % 7 {
        0 => bytes[place] ^= fill.max(1),
        1 => bytes.truncate(place),
        2 => bytes[place..end].fill(fill),
        3 => drop(bytes.drain(place..end)),
        4 => drop(bytes.splice(place..place, std::iter::repeat_n(fill, usize::from(length)))),
        // What a power cut leaves.
        5 => bytes.resize(bytes.len() + usize::from(length) * 64, 0),
        _ => {
            let noise = (0..times).map(|at| fill.wrapping_mul(31).wrapping_add(at ^ length));
            bytes.extend(noise);
        }
    }
}

/// Only rows that were written, each once and in order; all of a segment that nobody touched.
fn truthful(found: &[Record], written: &[Record], touched: [bool; 2]) {
    let mut rest = written.iter();
    for row in found {
        assert!(rest.any(|other| other == row), "row {} was not written, or is out of order", row.started_ms);
    }
    for (segment, touched) in touched.into_iter().enumerate() {
        if !touched {
            let mine = |row: &&Record| row.started_ms / ROWS == segment as u64;
            assert_eq!(found.iter().filter(mine).count() as u64, ROWS, "an untouched segment is whole");
        }
    }
}
