use std::fs::{File, OpenOptions};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::super::writer::{Disk, Kernel};
use super::{Folder, Journal, Options, Push, all, push, row, until};

/// A disk with so many bytes free: it takes what fits and refuses the rest, as a file system does.
struct Quota(Arc<AtomicU64>);

impl Disk for Quota {
    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let free = self.0.load(Ordering::Relaxed);
        if free == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = Kernel.write(file, &bytes[..bytes.len().min(usize::try_from(free).unwrap())], offset)?;
        self.0.fetch_sub(taken as u64, Ordering::Relaxed);
        Ok(taken)
    }
}

fn open(folder: &Folder, free: u64) -> (Journal, Arc<AtomicU64>) {
    let free = Arc::new(AtomicU64::new(free));
    let options = Options { ring_bytes: 0, ..folder.options() };
    (Journal::open_on(options, Box::new(Quota(Arc::clone(&free)))).unwrap(), free)
}

/// Push rows from `next` on until one is shed; returns how many were taken.
fn fill(journal: &Journal, producer: &mut super::RingProducer, next: u64) -> u64 {
    let mut taken = 0;
    until("the ring is full and the disk refuses", || match producer.push(&row(next + taken)) {
        Push::Done => {
            taken += 1;
            false
        }
        Push::Full(_) => false,
        Push::Shed => true,
    });
    assert!(journal.failure().is_some());
    taken
}

#[test]
fn a_full_disk_keeps_rows_then_sheds_them_and_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let (journal, free) = open(&folder, 1000);
    let mut producer = journal.producer();
    push(&mut producer, 0);
    until("the first is written", || journal.counters().written_rows.load(Ordering::Relaxed) == 1);
    let taken = fill(&journal, &mut producer, 1);
    assert!(taken > 100, "the ring kept {taken} rows");
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 1);
    assert!(journal.counters().write_errors.load(Ordering::Relaxed) > 0);
    assert_eq!(all(&folder.reader()), all(&journal.reader()));

    free.store(u64::MAX, Ordering::Relaxed);
    until("what was kept is written", || {
        journal.counters().written_rows.load(Ordering::Relaxed) == 1 + taken
    });
    until("the failure is over", || journal.failure().is_none());
    push(&mut producer, 1 + taken);
    journal.close();
    assert_eq!(all(&folder.reader()), (0..taken + 2).collect::<Vec<_>>());
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 1);
}

/// A disk that hangs until the other end of the channel is dropped, and refuses from then on.
struct Hanging(Receiver<()>);

impl Disk for Hanging {
    fn write(&mut self, _: &File, _: &[u8], _: u64) -> io::Result<usize> {
        let _ = self.0.recv();
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn a_row_waits_for_a_slow_disk_and_is_shed_once_the_disk_refuses() {
    let folder = Folder::new();
    let (gate, hanging) = mpsc::channel();
    let options = Options { ring_bytes: 0, ..folder.options() };
    let journal = Journal::open_on(options, Box::new(Hanging(hanging))).unwrap();
    let mut producer = journal.producer();
    let mut pushed = 0;
    let mut waiting = loop {
        match producer.push(&row(pushed)) {
            Push::Full(record) if pushed > 10_000 => break record,
            Push::Full(_) => thread::yield_now(),
            Push::Done => {}
            Push::Shed => panic!("the disk did not refuse yet"),
        }
        pushed += 1;
    };
    for _ in 0..100 {
        let Push::Full(record) = producer.retry(waiting) else {
            panic!("there is neither room nor a failure")
        };
        waiting = record;
    }
    assert!(journal.counters().ring_full.load(Ordering::Relaxed) > 0);
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 0);

    drop(gate);
    until("the disk refused", || journal.failure().is_some());
    assert_eq!(producer.retry(waiting), Push::Shed);
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 1);
}

#[test]
fn closing_on_a_full_disk_ends_and_counts_what_is_lost() {
    let folder = Folder::new();
    let (journal, _free) = open(&folder, 1000);
    let mut producer = journal.producer();
    (0..50).for_each(|number| push(&mut producer, number));
    journal.close();
    let written = all(&folder.reader());
    assert_eq!(written, (0..written.len() as u64).collect::<Vec<_>>());
    assert!((1..10).contains(&written.len()), "{} rows fit", written.len());
    assert_eq!(journal.counters().written_rows.load(Ordering::Relaxed), written.len() as u64);
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 50 - written.len() as u64);
}

#[test]
fn room_for_a_few_bytes_at_a_time_loses_and_doubles_nothing() {
    let folder = Folder::new();
    let (journal, free) = open(&folder, 1);
    let mut producer = journal.producer();
    (0..20).for_each(|number| push(&mut producer, number));
    let mut last = Vec::new();
    until("all rows are there", || {
        free.store(313, Ordering::Relaxed);
        journal.thread.unpark();
        let found = all(&journal.reader());
        assert!(found.starts_with(&last));
        last = found;
        last.len() == 20
    });
    assert_eq!(last, (0..20).collect::<Vec<_>>());
}

#[test]
fn a_device_that_is_always_full_is_survived() {
    struct Device(File);
    impl Disk for Device {
        fn write(&mut self, _: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
            Kernel.write(&self.0, bytes, offset)
        }
    }
    let Ok(device) = OpenOptions::new().write(true).open("/dev/full") else { return };
    let folder = Folder::new();
    let journal = Journal::open_on(folder.options(), Box::new(Device(device))).unwrap();
    push(&mut journal.producer(), 0);
    until("the failure is said", || journal.failure().is_some());
    journal.close();
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 1);
    assert_eq!(journal.counters().written_rows.load(Ordering::Relaxed), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_said_at_once() {
    let folder = Folder::new();
    std::fs::write(&folder.0, "a file in the way").unwrap();
    assert!(Journal::open(folder.options()).is_err());
    std::fs::remove_file(&folder.0).unwrap();
}
