//! The journal from push to read, and everything that can go wrong between.

mod damage;
mod disk;
mod kill;
mod record;
mod writing;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{Journal, Options, Push, Reader, Record, RecordRef, RingProducer};

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("ferrogate-journal-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn options(&self) -> Options {
        Options::new(&self.0)
    }

    fn open(&self) -> Journal {
        Journal::open(self.options()).unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.0).unwrap()
    }

    /// The segments' files, oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|kind| kind == "fj")).collect();
        files.sort();
        files
    }

    /// Write a segment that holds the rows `numbers`, by a journal of its own; returns its file.
    fn segment(&self, numbers: std::ops::Range<u64>) -> PathBuf {
        let journal = self.open();
        let mut producer = journal.producer();
        numbers.for_each(|number| push(&mut producer, number));
        journal.close();
        self.files().pop().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A row that can be told by its number.
fn row(number: u64) -> RecordRef<'static> {
    RecordRef {
        request_id: "01K5X3J8Q9V7T2B4N6M8R0Z1Y3",
        started_ms: number,
        door: "native",
        tenant: "local",
        operation: "chat",
        path: "/openai/v1/chat/completions",
        model: "gpt-4o-mini",
        provider: "openai",
        upstream_model: "gpt-4o-mini",
        key_id: "env:openai/OPENAI_API_KEY",
        key_name: "OPENAI_API_KEY",
        status: 200,
        outcome: "ok",
        stream: true,
        cache: "off",
        attempts: 1,
        input_tokens: Some(812),
        output_tokens: Some(97),
        finish_reason: Some("stop"),
        duration_us: 1_204_331,
        ttft_us: Some(240_118),
        overhead_us: 91,
        upstream_us: Some(1_204_240),
        request_bytes: 612,
        response_bytes: 25_210,
        ..RecordRef::default()
    }
}

/// Push a row, waiting for room as a request does.
fn push(producer: &mut RingProducer, number: u64) {
    let mut push = producer.push(&row(number));
    for _ in 0..5000 {
        let Push::Full(record) = push else { break };
        thread::sleep(Duration::from_millis(1));
        push = producer.retry(record);
    }
    assert_eq!(push, Push::Done);
}

/// Wait until something holds; panics when it never does.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..5000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("never: {what}");
}

fn numbers(rows: &[Record]) -> Vec<u64> {
    rows.iter().map(|row| row.started_ms).collect()
}

/// The numbers of all rows in a folder, read a few at a time.
fn all(reader: &Reader) -> Vec<u64> {
    let mut found = Vec::new();
    let (mut segment, mut offset) = (0, 0);
    loop {
        let batch = reader.read(segment, offset, 7).unwrap();
        assert!(batch.rows.len() <= 7);
        if (batch.segment, batch.offset) == (segment, offset) {
            assert_eq!(batch.rows, []);
            return found;
        }
        found.extend(numbers(&batch.rows));
        (segment, offset) = (batch.segment, batch.offset);
    }
}

/// Invert one byte of a file.
fn flip(path: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[!byte[0]], offset).unwrap();
}
