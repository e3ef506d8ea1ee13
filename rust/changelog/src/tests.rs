use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::*;

const HEAD: &[u8] = b"numbers";

/// Numbers of four bytes that start with a mark; all but the highest bit says which, and that bit takes it away.
struct Numbers {
    all: Mutex<BTreeSet<u32>>,
    most: AtomicU64,
    /// Whether the writer has to wait.
    held: Mutex<bool>,
    free: Condvar,
    /// Where the one who writes everything waits for a test, four times.
    meet: Option<Barrier>,
}

const GONE: u32 = 1 << 31;

impl Numbers {
    fn new() -> Arc<Self> {
        Self::meeting(None)
    }

    fn meeting(meet: Option<Barrier>) -> Arc<Self> {
        let (all, held, free) = (Mutex::default(), Mutex::default(), Condvar::new());
        Arc::new(Self { all, most: AtomicU64::new(u64::MAX), held, free, meet })
    }

    fn meet(&self) {
        if let Some(meet) = &self.meet {
            meet.wait();
        }
    }

    fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.free.notify_all();
    }

    fn open(self: &Arc<Self>, folder: &Folder) -> Changelog<Self> {
        let mut reading = Reading::open(&folder.log(), HEAD.to_vec()).unwrap();
        reading.scan(span, |_, record| self.apply(record)).unwrap();
        Changelog::start(reading, Arc::clone(self), self.meet.is_some()).unwrap()
    }

    fn apply(&self, record: &[u8]) {
        let number = u32::from_be_bytes(record[1..].try_into().unwrap());
        let mut all = self.all.lock().unwrap();
        let _ = if number & GONE == 0 { all.insert(number) } else { all.remove(&(number - GONE)) };
    }

    fn add(&self, log: &Changelog<Self>, number: u32) {
        self.all.lock().unwrap().insert(number);
        log.add(|batch| write(batch, number));
    }
}

fn write(to: &mut Vec<u8>, number: u32) {
    to.push(b'#');
    to.extend_from_slice(&number.to_be_bytes());
}

fn span(bytes: &[u8]) -> Span {
    match bytes.first() {
        Some(b'#') if bytes.len() < 5 => Span::Part,
        Some(b'#') => Span::Whole(5),
        _ => Span::Damage,
    }
}

impl Kept for Numbers {
    type Batch = Vec<u8>;

    const THREAD: &'static str = "numbers";
    const MOST_WAITING: usize = 1000;

    fn encode(&self, batch: &mut Vec<u8>, to: &mut Vec<u8>, lean: bool) {
        drop(self.free.wait_while(self.held.lock().unwrap(), |held| *held).unwrap());
        if lean {
            batch.clear();
        }
        to.append(batch);
    }

    fn snapshot(&self, give: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let mut block = Vec::new();
        self.all.lock().unwrap().iter().for_each(|number| write(&mut block, *number));
        self.meet();
        // A change is made.
        self.meet();
        if self.meet.is_some() {
            // So long that the next piece makes the writer look for changes.
            thread::sleep(Duration::from_millis(300));
        }
        give(&mut block)?;
        self.meet();
        // The old log is looked at.
        self.meet();
        Ok(())
    }

    fn live_bytes(&self) -> u64 {
        5 * self.all.lock().unwrap().len() as u64
    }

    fn slack(&self) -> u64 {
        500
    }

    fn most_bytes(&self) -> u64 {
        self.most.load(Relaxed)
    }
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ferrogate-changelog-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn log(&self) -> PathBuf {
        self.0.join("numbers.log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn found(folder: &Folder) -> Vec<u32> {
    let numbers = Numbers::new();
    drop(numbers.open(folder));
    let all = numbers.all.lock().unwrap();
    all.iter().copied().collect()
}

#[test]
fn changes_beyond_what_may_wait_are_taken_from_memory() {
    let folder = Folder::new();
    let numbers = Numbers::new();
    let log = numbers.open(&folder);
    numbers.hold(true);
    for number in 0..2_000 {
        numbers.add(&log, number);
    }
    assert!(log.status().overflows > 0);
    numbers.hold(false);
    log.flush().unwrap();
    assert!(log.status().rewrites > 0);
    drop(log);
    assert!(found(&folder).into_iter().eq(0..2_000));
}

#[test]
fn a_log_of_mostly_nothing_is_written_anew_and_stays_short() {
    let folder = Folder::new();
    let numbers = Numbers::new();
    let log = numbers.open(&folder);
    for _ in 0..100 {
        for number in 0..30 {
            numbers.add(&log, number);
        }
        log.flush().unwrap();
        let (length, live) = (fs::metadata(folder.log()).unwrap().len(), numbers.live_bytes());
        assert!(length <= 2 * live + numbers.slack() + HEAD.len() as u64, "{length} bytes");
        assert_eq!(log.status().bytes, length);
    }
    drop(log);
    assert!(found(&folder).into_iter().eq(0..30));
}

#[test]
fn a_change_beside_a_new_log_is_written_to_both() {
    let folder = Folder::new();
    let numbers = Numbers::meeting(Some(Barrier::new(2)));
    let log = numbers.open(&folder);
    numbers.meet();
    numbers.add(&log, 7);
    numbers.meet();
    numbers.meet();
    let copy = Folder::new();
    fs::create_dir(&copy.0).unwrap();
    fs::copy(folder.log(), copy.log()).unwrap();
    numbers.add(&log, 8);
    numbers.meet();
    log.flush().unwrap();
    assert_eq!(log.status().rewrites, 1);
    drop(log);
    assert_eq!(found(&copy), [7]);
    assert_eq!(found(&folder), [7, 8]);
}

#[test]
fn what_a_log_that_is_too_long_leaves_out_is_taken_from_memory() {
    let folder = Folder::new();
    let numbers = Numbers::new();
    numbers.most.store(50, Relaxed);
    let log = numbers.open(&folder);
    for number in 0..60 {
        numbers.add(&log, number);
        log.flush().unwrap();
    }
    drop(log);
    assert!(found(&folder).into_iter().eq(0..60));
}

#[test]
fn a_log_that_another_has_open_is_not_touched() {
    let folder = Folder::new();
    let numbers = Numbers::new();
    let log = numbers.open(&folder);
    numbers.add(&log, 3);
    log.flush().unwrap();
    let refused = Reading::open(&folder.log(), b"others".to_vec()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
    drop(log);
    assert_eq!(found(&folder), [3]);
}

#[test]
fn a_new_log_that_a_crash_left_half_written_is_taken_away() {
    let folder = Folder::new();
    drop(Numbers::new().open(&folder));
    let left = folder.0.join("numbers.log.new");
    fs::write(&left, b"num").unwrap();
    drop(Numbers::new().open(&folder));
    assert!(!left.exists());
}
