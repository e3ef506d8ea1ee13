use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::super::Options;
use super::super::format::MAX_FRAME_BYTES;
use super::{Folder, Journal, Push, RecordRef, all, numbers, push, row, until};

#[test]
fn rows_come_back_as_they_were_pushed() {
    let folder = Folder::new();
    let journal = folder.open();
    let mut producer = journal.producer();
    (0..100).for_each(|number| push(&mut producer, number));
    let reader = journal.reader();
    until("all rows are readable while the journal is open", || all(&reader).len() == 100);
    let batch = reader.read(0, 0, 1000).unwrap();
    assert_eq!(numbers(&batch.rows), (0..100).collect::<Vec<_>>());
    assert_eq!(batch.rows[7].columns(), row(7).columns());
    assert_eq!(batch.skipped, []);
    assert_eq!(reader.read(batch.segment, batch.offset, 1000).unwrap().rows, []);
    assert_eq!(journal.counters().written_rows.load(Ordering::Relaxed), 100);
    assert_eq!(journal.failure(), None);
}

#[test]
fn nothing_is_written_before_the_first_row() {
    let folder = Folder::new();
    let journal = folder.open();
    let batch = journal.reader().read(0, 0, 10).unwrap();
    assert_eq!((batch.rows.len(), batch.segment, batch.offset), (0, 0, 0));
    drop(journal.producer());
    journal.close();
    assert_eq!(folder.files(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_row_after_a_long_rest_wakes_the_writer() {
    let folder = Folder::new();
    let journal = folder.open();
    let mut producer = journal.producer();
    for number in 0..5 {
        until("the writer rests", || journal.shared.idle.load(Ordering::Relaxed));
        push(&mut producer, number);
        until("the row is written", || journal.counters().written_rows.load(Ordering::Relaxed) == number + 1);
    }
}

#[test]
fn closing_writes_everything_and_refuses_what_comes_later() {
    let folder = Folder::new();
    let journal =
        Journal::open(Options { drain_every: Duration::from_secs(3600), ..folder.options() }).unwrap();
    let mut producer = journal.producer();
    push(&mut producer, 0);
    until("the writer pauses for an hour", || journal.counters().written_rows.load(Ordering::Relaxed) == 1);
    (1..500).for_each(|number| push(&mut producer, number));
    journal.close();
    journal.close();
    assert_eq!(producer.push(&row(500)), Push::Shed);
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 1);
    assert_eq!(all(&folder.reader()), (0..500).collect::<Vec<_>>());
}

#[test]
fn a_ring_that_fills_up_wakes_the_writer_and_loses_nothing() {
    let folder = Folder::new();
    let options = Options { drain_every: Duration::from_secs(3600), ring_bytes: 0, ..folder.options() };
    let journal = Journal::open(options).unwrap();
    let mut producer = journal.producer();
    (0..20_000).for_each(|number| push(&mut producer, number));
    journal.close();
    assert_eq!(all(&folder.reader()), (0..20_000).collect::<Vec<_>>());
    assert_eq!(journal.counters().shed_rows.load(Ordering::Relaxed), 0);
}

#[test]
fn producers_on_many_threads_keep_their_own_order() {
    let folder = Folder::new();
    let journal = Journal::open(Options { segment_bytes: 100_000, ..folder.options() }).unwrap();
    let read = thread::scope(|scope| {
        for thread in 0..4_u64 {
            let mut producer = journal.producer();
            scope.spawn(move || (0..5_000).for_each(|number| push(&mut producer, thread * 10_000 + number)));
        }
        let reader = journal.reader();
        let (mut segment, mut offset, mut read) = (0, 0, Vec::new());
        until("every row was read beside the writers", || {
            let batch = reader.read(segment, offset, 300).unwrap();
            assert_eq!(batch.skipped, []);
            read.extend(numbers(&batch.rows));
            (segment, offset) = (batch.segment, batch.offset);
            read.len() >= 20_000
        });
        read
    });
    for thread in 0..4 {
        let own: Vec<_> = read.iter().copied().filter(|number| number / 10_000 == thread).collect();
        assert_eq!(own, (thread * 10_000..thread * 10_000 + 5_000).collect::<Vec<_>>());
    }
    assert_eq!(read.len(), 20_000);
}

#[test]
fn segments_stay_within_their_size_and_are_read_in_order() {
    let folder = Folder::new();
    let journal = Journal::open(Options { segment_bytes: 10_000, ..folder.options() }).unwrap();
    let mut producer = journal.producer();
    for number in 0..300 {
        push(&mut producer, number);
        if number % 10 == 9 {
            until("ten more are written", || {
                journal.counters().written_rows.load(Ordering::Relaxed) > number
            });
        }
    }
    journal.close();
    assert!(folder.files().len() > 3);
    assert_eq!(folder.files().len() as u64, journal.counters().segments.load(Ordering::Relaxed));
    for file in folder.files() {
        assert!(file.metadata().unwrap().len() <= 10_000);
    }
    assert_eq!(all(&folder.reader()), (0..300).collect::<Vec<_>>());
}

#[test]
fn a_new_start_writes_a_new_segment_and_reads_the_old_ones() {
    let folder = Folder::new();
    let files = [folder.segment(0..10), folder.segment(10..20), folder.segment(20..30)];
    assert_eq!(folder.files(), files);
    assert_eq!(all(&folder.reader()), (0..30).collect::<Vec<_>>());
}

#[test]
fn ids_go_up_even_when_the_clock_goes_back() {
    let folder = Folder::new();
    let first = folder.segment(0..10);
    let future = first.with_file_name("journal-9000000000000000.fj");
    std::fs::rename(&first, &future).unwrap();
    assert_eq!(folder.segment(10..20), first.with_file_name("journal-9000000000000001.fj"));
    assert_eq!(all(&folder.reader()), (0..20).collect::<Vec<_>>());
}

#[test]
fn release_deletes_the_finished_segments_before_a_position() {
    let folder = Folder::new();
    folder.segment(0..10);
    folder.segment(10..20);
    let third = folder.segment(20..30);
    let reader = folder.reader();
    let batch = reader.read(0, 0, 25).unwrap();
    assert_eq!(reader.release(batch.segment).unwrap(), 2);
    assert_eq!(reader.release(batch.segment).unwrap(), 0);
    assert_eq!(folder.files(), [third]);
    let rest = reader.read(batch.segment, batch.offset, 25).unwrap();
    assert_eq!(numbers(&rest.rows), (25..30).collect::<Vec<_>>());
    assert_eq!(all(&reader), (20..30).collect::<Vec<_>>());
}

#[test]
fn release_spares_a_segment_that_is_being_written() {
    let folder = Folder::new();
    let journal = folder.open();
    push(&mut journal.producer(), 0);
    until("the row is written", || journal.counters().written_rows.load(Ordering::Relaxed) == 1);
    assert_eq!(journal.reader().release(u64::MAX).unwrap(), 0);
    assert_eq!(folder.files().len(), 1);
}

#[test]
fn two_processes_write_and_the_reader_leaves_no_row_behind() {
    let folder = Folder::new();
    let (old, new) = (folder.open(), folder.open());
    let (mut old_producer, mut new_producer) = (old.producer(), new.producer());
    let reader = folder.reader();
    let (mut segment, mut offset, mut read) = (0, 0, Vec::new());
    for round in 0..3 {
        push(&mut old_producer, round * 2);
        until("the old one wrote", || old.counters().written_rows.load(Ordering::Relaxed) == round + 1);
        push(&mut new_producer, round * 2 + 1);
        until("both rows can be read, though both journals stay open", || {
            let batch = reader.read(segment, offset, 10).unwrap();
            (segment, offset) = (batch.segment, batch.offset);
            read.extend(numbers(&batch.rows));
            read.len() as u64 == round * 2 + 2
        });
    }
    // The order between two processes is that of their segments, not that of the rows.
    read.sort_unstable();
    assert_eq!(read, (0..6).collect::<Vec<_>>());
}

#[test]
fn a_deleted_folder_is_made_again() {
    let folder = Folder::new();
    let journal = folder.open();
    let mut producer = journal.producer();
    push(&mut producer, 0);
    until("the row is written", || journal.counters().written_rows.load(Ordering::Relaxed) == 1);
    std::fs::remove_dir_all(&folder.0).unwrap();
    until("the writer noticed", || folder.0.exists());
    until("a row is in the new folder", || {
        push(&mut producer, 1);
        all(&folder.reader()).contains(&1)
    });
}

#[test]
fn a_row_of_very_long_texts_is_shortened_not_lost() {
    let folder = Folder::new();
    let journal = folder.open();
    let mut producer = journal.producer();
    let long = "x".repeat(2 * MAX_FRAME_BYTES);
    assert_eq!(producer.push(&RecordRef { model: &long, ..row(0) }), Push::Done);
    push(&mut producer, 1);
    journal.close();
    let batch = folder.reader().read(0, 0, 10).unwrap();
    assert_eq!(numbers(&batch.rows), [0, 1]);
    assert_eq!(&*batch.rows[0].model, &long[..1024]);
    assert_eq!(journal.counters().shortened_rows.load(Ordering::Relaxed), 1);
}

#[test]
fn a_growing_segment_is_synced_when_asked() {
    let folder = Folder::new();
    let journal = Journal::open(Options { sync_every: Some(Duration::ZERO), ..folder.options() }).unwrap();
    let mut producer = journal.producer();
    (0..50).for_each(|number| push(&mut producer, number));
    journal.close();
    assert_eq!(journal.counters().sync_errors.load(Ordering::Relaxed), 0);
    assert_eq!(all(&folder.reader()), (0..50).collect::<Vec<_>>());
}

#[test]
fn the_folder_and_its_files_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let file = folder.segment(0..1);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o077;
    assert_eq!((mode(&folder.0), mode(&file)), (0, 0));
}
