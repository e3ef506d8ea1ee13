use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use proptest::prelude::*;

use super::super::writer::{Disk, Kernel};
use super::super::{Journal, Options, Push, Reader, Record, RecordRef};
use super::segments::{Segments, segment_path};
use super::{Blocks, Budget, Held, Kept, Part, Payload, Place, Stored, frame, read};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("ferrogate-payloads-{}-{number}", std::process::id())))
    }

    fn payloads(&self) -> PathBuf {
        self.0.join("payloads")
    }

    fn open(&self, memory: usize) -> Journal {
        Journal::open(Options {
            payloads: Some(self.payloads()),
            payload_memory_bytes: memory,
            ..Options::new(self.0.join("journal"))
        })
        .unwrap()
    }

    fn rows(&self) -> Vec<Record> {
        Reader::open(self.0.join("journal")).unwrap().read(0, 0, 10_000).unwrap().rows
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            fs::read_dir(self.payloads()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn stored(&self, row: &Record) -> Option<Stored> {
        read(&self.payloads(), row.payload, &row.request_id).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn id(number: u64) -> [u8; 26] {
    format!("{number:026}").into_bytes().try_into().unwrap()
}

fn part(bytes: impl Into<Bytes>) -> Part {
    Part { bytes: bytes.into().into(), media: "application/json".into(), ..Part::default() }
}

fn payload(budget: &Arc<Budget>, number: u64, request: Part, response: Part) -> Box<Payload> {
    let mut share = budget.share();
    assert!(share.grow(request.bytes.len() + response.bytes.len()));
    Box::new(Payload { request_id: id(number), request, response, share })
}

/// Push a row with its payload, waiting for room as a request does.
fn push(producer: &mut super::super::RingProducer, number: u64, payload: Option<Box<Payload>>) {
    let request_id = String::from_utf8(id(number).to_vec()).unwrap();
    let record = RecordRef { request_id: &request_id, started_ms: number, ..RecordRef::default() };
    let mut push = producer.push_with(&record, payload, false);
    for _ in 0..5_000 {
        let Push::Full(encoded) = push else { break };
        std::thread::sleep(Duration::from_millis(1));
        push = producer.retry(encoded);
    }
    assert_eq!(push, Push::Done);
}

#[test]
fn a_row_leads_to_its_payload() {
    let folder = Folder::new();
    let journal = folder.open(1 << 20);
    let mut producer = journal.producer();
    let text = |number: u64| format!("{{\"question\":{number}}}").repeat(50);
    for number in 0..20 {
        let answer =
            Part { truncated: number == 3, coding: "gzip".into(), ..part(format!("answer {number}")) };
        push(&mut producer, number, Some(payload(journal.budget(), number, part(text(number)), answer)));
    }
    push(&mut producer, 20, None);
    journal.close();
    let rows = folder.rows();
    assert_eq!(rows.len(), 21);
    for (number, row) in (0..).zip(&rows[..20]) {
        let stored = folder.stored(row).unwrap();
        assert_eq!(stored.split(), (text(number).as_bytes(), format!("answer {number}").as_bytes()));
        assert_eq!(
            (stored.request.media.as_str(), stored.response.coding.as_str()),
            ("application/json", "gzip")
        );
        assert_eq!(stored.response.truncated, number == 3);
        assert_eq!(row.payload.kept, if number == 3 { Kept::Truncated } else { Kept::Whole });
        assert!((row.payload.length as usize) < text(number).len(), "it is packed");
    }
    assert_eq!(rows[20].payload, Place::none(Kept::Nothing));
    assert_eq!(folder.stored(&rows[20]), None);
    let counters = journal.counters();
    assert_eq!(counters.payloads.load(Ordering::Relaxed), 20);
    assert_eq!(journal.budget().held(), 0, "what was written is given back");
    let on_disk: u64 = folder.files().iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert_eq!(counters.payload_bytes.load(Ordering::Relaxed) + 24, on_disk);
}

#[test]
fn many_large_payloads_go_through_a_small_budget_and_small_rings() {
    let folder = Folder::new();
    let journal = folder.open(1 << 20);
    let mut producer = journal.producer();
    let body = Bytes::from(vec![b'x'; 60_000]);
    let mut shed = 0;
    for number in 0..400 {
        let mut share = journal.budget().share();
        let fits = share.grow(body.len());
        shed += u64::from(!fits);
        let bytes = if fits { body.clone() } else { Bytes::new() };
        let request = Part { bytes: bytes.into(), shed: !fits, ..Part::default() };
        let payload = Payload { request_id: id(number), request, response: Part::default(), share };
        push(&mut producer, number, Some(Box::new(payload)));
        assert!(journal.budget().held() <= 1 << 20);
    }
    journal.close();
    let rows = folder.rows();
    assert_eq!(rows.len(), 400, "rows are never shed with their payloads");
    let kept = rows.iter().filter(|row| row.payload.kept == Kept::Whole).count() as u64;
    assert_eq!(kept + shed, 400);
    assert!(kept >= 17, "{kept} fit into the budget at once");
    assert_eq!(journal.counters().payloads_shed.load(Ordering::Relaxed), shed);
    assert!(rows.iter().filter(|row| row.payload.length > 0).all(|row| folder.stored(row).is_some()));
}

#[test]
fn a_stream_in_blocks_is_stored_as_it_went() {
    let folder = Folder::new();
    let journal = folder.open(256 << 10);
    let mut producer = journal.producer();
    let mut taken = journal.budget().share();
    for (number, short) in [(0, false), (1, true)] {
        assert!(!short || taken.grow(100 << 10), "full blocks are packed from here on");
        let (mut blocks, mut share, mut all) = (Blocks::default(), journal.budget().share(), Vec::new());
        for index in 0..500 {
            let event = format!("data: {{\"index\":{index},\"delta\":{{\"content\":\"word\"}}}}\n\n");
            assert!(blocks.push(event.as_bytes(), 64_000, &mut share));
            all.extend_from_slice(event.as_bytes());
        }
        let response = Part { bytes: Held::Blocks(Box::new(blocks)), ..Part::default() };
        let payload = Payload { request_id: id(number), request: part("go"), response, share };
        push(&mut producer, number, Some(Box::new(payload)));
        while journal.figures().payloads <= number {
            std::thread::sleep(Duration::from_millis(1));
        }
        let row = &folder.rows()[usize::try_from(number).unwrap()];
        assert_eq!(folder.stored(row).unwrap().split(), (&b"go"[..], &all[..]));
    }
    drop(taken);
    journal.close();
    assert_eq!(journal.budget().held(), 0);
}

#[test]
fn a_payload_without_a_folder_is_shed_and_its_row_says_so() {
    let folder = Folder::new();
    let journal = Journal::open(Options::new(folder.0.join("journal"))).unwrap();
    let mut producer = journal.producer();
    push(&mut producer, 1, Some(payload(journal.budget(), 1, part("body"), Part::default())));
    journal.close();
    assert_eq!(folder.rows()[0].payload, Place::none(Kept::Shed));
}

#[test]
fn what_is_damaged_or_deleted_or_somebody_elses_is_not_there() {
    let folder = Folder::new();
    let journal = folder.open(1 << 20);
    let mut producer = journal.producer();
    for number in 0..2 {
        push(
            &mut producer,
            number,
            Some(payload(journal.budget(), number, part("one body"), part("another"))),
        );
    }
    journal.close();
    let rows = folder.rows();
    let [file] = folder.files().try_into().unwrap();
    let whole = fs::read(&file).unwrap();
    assert_eq!(read(&folder.payloads(), rows[0].payload, &rows[1].request_id).unwrap(), None);
    let place = rows[0].payload;
    for (name, place) in [
        ("shifted", Place { offset: place.offset + 1, ..place }),
        ("short", Place { length: place.length - 1, ..place }),
        ("long", Place { length: place.length + 1, ..place }),
        ("huge", Place { length: u32::MAX, ..place }),
        ("behind", Place { offset: 1 << 40, ..place }),
        ("elsewhere", Place { segment: place.segment + 1, ..place }),
    ] {
        assert_eq!(read(&folder.payloads(), place, &rows[0].request_id).unwrap(), None, "{name}");
    }
    let start = usize::try_from(place.offset).unwrap();
    for at in start..start + place.length as usize {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&file, damaged).unwrap();
        assert_eq!(folder.stored(&rows[0]), None, "byte {at}");
        assert!(folder.stored(&rows[1]).is_some());
    }
    fs::write(&file, &whole[..start + 5]).unwrap();
    assert_eq!(folder.stored(&rows[0]), None);
    fs::remove_file(file).unwrap();
    assert_eq!(folder.stored(&rows[0]), None);
}

proptest! {
    #[test]
    fn any_bytes_unpack_or_not_but_never_panic(bytes in any::<Vec<u8>>()) {
        prop_assert_eq!(frame::unpack(&bytes, &id(1)), None);
    }
}

fn hours(number: u64) -> Duration {
    Duration::from_secs(3600 * number)
}

fn sizes(folder: &Folder, now: SystemTime, sizes: &[(u64, u64)]) -> Segments {
    let segments = Segments::new(folder.payloads());
    for (hours_ago, bytes) in sizes {
        let segment = segments.create(now - hours(*hours_ago), 0).unwrap();
        segment.file.set_len(*bytes).unwrap();
        segment.file.set_modified(now - hours(*hours_ago)).unwrap();
    }
    segments
}

#[test]
fn old_segments_go_and_then_the_oldest_until_the_rest_fits() {
    let folder = Folder::new();
    let now = SystemTime::UNIX_EPOCH + hours(500_000);
    let segments = sizes(&folder, now, &[(50, 100), (20, 300), (10, 300), (1, 300)]);
    let day = hours(24);
    assert_eq!(segments.sweep(now, day, 1000).unwrap(), (1, 900), "one is too old");
    assert_eq!(segments.sweep(now, day, 1000).unwrap(), (0, 900));
    assert_eq!(segments.sweep(now, day, 650).unwrap(), (1, 600));
    assert_eq!(folder.files().len(), 2);
    assert_eq!(segments.sweep(now, day, 0).unwrap(), (2, 0));
    assert_eq!(segments.sweep(now + day, day, 0).unwrap(), (0, 0));
}

#[test]
fn a_segment_that_is_being_written_stays() {
    let folder = Folder::new();
    let now = SystemTime::now();
    let segments = Segments::new(folder.payloads());
    assert_eq!(segments.sweep(now, Duration::ZERO, 0).unwrap(), (0, 0), "there is no folder yet");
    let one = segments.create(now, 0).unwrap();
    let other = segments.create(now, one.id).unwrap();
    assert!(other.id > one.id);
    drop(one);
    let later = now + Duration::from_secs(3600);
    let (gone, left) = segments.sweep(later, Duration::ZERO, 0).unwrap();
    assert_eq!((gone, left), (1, 24));
    assert_eq!(folder.files(), [segment_path(&folder.payloads(), other.id)]);
}

#[test]
fn segments_and_folder_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let segments = Segments::new(folder.payloads());
    let _segment = segments.create(SystemTime::now(), 0).unwrap();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.payloads()), 0o700);
    assert_eq!(mode(&folder.files()[0]), 0o600);
}

/// A disk that refuses while it is told to.
struct Full(Arc<AtomicBool>);

impl Disk for Full {
    fn write(&mut self, file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Kernel.write(file, bytes, offset)
    }
}

#[test]
fn a_full_disk_sheds_payloads_and_keeps_their_rows() {
    let folder = Folder::new();
    let full = Arc::new(AtomicBool::new(true));
    let options = Options { payloads: Some(folder.payloads()), ..Options::new(folder.0.join("journal")) };
    let journal = Journal::open_on(options, Box::new(Full(Arc::clone(&full)))).unwrap();
    let mut producer = journal.producer();
    let body = || part("a body that finds no room");
    // One row: of several, those that the writer takes later wait in the ring until the first is on the disk.
    push(&mut producer, 0, Some(payload(journal.budget(), 0, body(), Part::default())));
    let waits = |what: &str, holds: &dyn Fn() -> bool| {
        let mut left = 5_000;
        while !holds() {
            assert!(left > 0, "never: {what}");
            left -= 1;
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    waits("it is counted", &|| journal.figures().payloads_shed == 1);
    assert!(journal.figures().payload_errors >= 1);
    full.store(false, Ordering::Relaxed);
    waits("the row is written", &|| journal.figures().written_rows == 1);
    assert_eq!(journal.figures().payload_memory_bytes, 0, "what was shed is given back");
    waits("payloads are kept again", &|| {
        push(&mut journal.producer(), 99, Some(payload(journal.budget(), 99, body(), Part::default())));
        journal.figures().payloads > 0
    });
    push(&mut producer, 6, Some(payload(journal.budget(), 6, body(), Part::default())));
    journal.close();
    let rows = folder.rows();
    assert_eq!((rows[0].started_ms, rows[0].payload), (0, Place::none(Kept::Shed)));
    assert!(rows.iter().any(|row| row.started_ms == 6 && folder.stored(row).is_some()));
    assert_eq!(journal.figures().shed_rows, 0);
}
