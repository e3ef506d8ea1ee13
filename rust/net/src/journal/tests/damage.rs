use std::fs::{self, OpenOptions};

use super::super::format::{self, HEADER_BYTES, MAX_FRAME_BYTES};
use super::super::{Reason, folder};
use super::{Folder, Journal, all, flip, numbers, push};

/// The size of a frame of [`super::row`] with a one-byte number.
fn frame_bytes() -> u64 {
    let folder = Folder::new();
    folder.segment(0..1).metadata().unwrap().len() - HEADER_BYTES
}

fn cut(path: &std::path::Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_row_it_tears() {
    let folder = Folder::new();
    let path = folder.segment(0..3);
    folder.segment(90..91);
    let (whole, frame) = (fs::read(&path).unwrap(), frame_bytes());
    assert_eq!(whole.len() as u64, HEADER_BYTES + 3 * frame);
    let reader = folder.reader();
    for length in 0..=whole.len() as u64 {
        fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
        let kept = length.saturating_sub(HEADER_BYTES) / frame;
        let expected: Vec<_> = (0..kept).chain([90]).collect();
        assert_eq!(all(&reader), expected, "cut at {length}, as found");

        let truncated = folder::Folder::open(folder.0.clone()).unwrap().recover().unwrap();
        let end = if length < HEADER_BYTES { length } else { HEADER_BYTES + kept * frame };
        assert_eq!(
            (path.metadata().unwrap().len(), truncated),
            (end, length - end),
            "cut at {length}, recovered"
        );
        assert_eq!(all(&reader), expected, "cut at {length}, recovered");
    }
    assert_eq!(reader.read(0, 0, 100).unwrap().skipped, []);
}

#[test]
fn opening_truncates_the_torn_tail_and_goes_on() {
    let folder = Folder::new();
    let path = folder.segment(0..3);
    cut(&path, HEADER_BYTES + 2 * frame_bytes() + 5);
    let journal = folder.open();
    assert_eq!(journal.counters().truncated_bytes.load(std::sync::atomic::Ordering::Relaxed), 5);
    push(&mut journal.producer(), 3);
    journal.close();
    assert_eq!(path.metadata().unwrap().len(), HEADER_BYTES + 2 * frame_bytes());
    assert_eq!(all(&folder.reader()), [0, 1, 3]);
}

#[test]
fn the_unfinished_tail_of_a_growing_segment_is_waited_for() {
    let folder = Folder::new();
    let path = folder.segment(0..3);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let growing = folder::Folder::open(folder.0.clone()).unwrap().create(0).unwrap();
    folder.segment(90..91);
    let reader = folder.reader();
    let (mut segment, mut offset, mut read) = (0, 0, Vec::new());
    for length in 0..=whole.len() {
        std::os::unix::fs::FileExt::write_all_at(&growing.file, &whole[..length], 0).unwrap();
        let batch = reader.read(segment, offset, 10).unwrap();
        assert_eq!(batch.skipped, []);
        read.extend(numbers(&batch.rows));
        (segment, offset) = (batch.segment, batch.offset);
        assert_eq!(segment, growing.id);
    }
    assert_eq!(read, [0, 1, 2]);
    drop(growing);
    assert_eq!(numbers(&reader.read(segment, offset, 10).unwrap().rows), [90]);
}

#[test]
fn a_flipped_byte_anywhere_is_noticed_said_and_does_not_hide_the_next_segment() {
    let folder = Folder::new();
    let path = folder.segment(0..3);
    folder.segment(90..91);
    let reader = folder.reader();
    let frame = frame_bytes();
    for offset in 0..path.metadata().unwrap().len() {
        flip(&path, offset);
        let batch = reader.read(0, 0, 100).unwrap();
        let (lost, reason) = match offset.checked_sub(HEADER_BYTES) {
            None if offset < 12 => (0..3, Some(Reason::Header)),
            None => (0..0, None),
            // A wrong length hides what follows it.
            Some(at) if at % frame < 4 => (at / frame..3, Some(Reason::Rest)),
            // The last frame has none behind it that would confirm its length.
            Some(at) if at / frame == 2 => (2..3, Some(Reason::Rest)),
            Some(at) => (at / frame..at / frame + 1, Some(Reason::Checksum)),
        };
        let expected: Vec<_> = (0..3).filter(|number| !lost.contains(number)).chain([90]).collect();
        assert_eq!(numbers(&batch.rows), expected, "byte {offset}");
        assert_eq!(
            batch.skipped.iter().map(|skipped| skipped.reason).collect::<Vec<_>>(),
            Vec::from_iter(reason)
        );
        for skipped in &batch.skipped {
            let end = HEADER_BYTES + lost.end * frame;
            let start = if reason == Some(Reason::Header) { 0 } else { HEADER_BYTES + lost.start * frame };
            assert_eq!((skipped.offset, skipped.bytes), (start, end - start), "byte {offset}");
        }
        let folder = folder::Folder::open(folder.0.clone()).unwrap();
        assert_eq!(folder.recover().unwrap(), 0, "byte {offset}: damage is not a torn tail");
        flip(&path, offset);
    }
    assert_eq!(all(&reader), [0, 1, 2, 90]);
}

#[test]
fn a_whole_frame_that_is_no_record_is_passed_over() {
    let folder = Folder::new();
    let path = folder.segment(0..2);
    let mut frame = vec![0; format::PREFIX_BYTES];
    frame.extend_from_slice(b"\xffnot a record of this version");
    format::set_length(&mut frame);
    assert_eq!(format::seal(&mut frame), 1);
    let mut bytes = fs::read(&path).unwrap();
    let place = usize::try_from(HEADER_BYTES + frame_bytes()).unwrap();
    bytes.splice(place..place, frame.iter().copied());
    fs::write(&path, bytes).unwrap();
    let batch = folder.reader().read(0, 0, 10).unwrap();
    assert_eq!(numbers(&batch.rows), [0, 1]);
    assert_eq!(batch.skipped.len(), 1);
    assert_eq!((batch.skipped[0].reason, batch.skipped[0].bytes), (Reason::Record, frame.len() as u64));
}

#[test]
fn zeros_after_a_power_cut_are_not_rows_and_stay_for_the_reader_to_report() {
    let folder = Folder::new();
    let path = folder.segment(0..3);
    let length = path.metadata().unwrap().len();
    cut(&path, length + 4096);
    let journal = folder.open();
    let waiting = journal.reader().read(0, 0, 10).unwrap();
    assert_eq!((numbers(&waiting.rows), waiting.skipped.len()), (vec![0, 1, 2], 0));
    push(&mut journal.producer(), 3);
    journal.close();
    let batch = journal.reader().read(waiting.segment, waiting.offset, 10).unwrap();
    assert_eq!(numbers(&batch.rows), [3]);
    assert_eq!((batch.skipped[0].offset, batch.skipped[0].bytes), (length, 4096));
    assert_eq!(journal.counters().skipped_bytes.load(std::sync::atomic::Ordering::Relaxed), 4096);
}

#[test]
fn frames_across_the_windows_of_a_scan_are_whole() {
    let folder = Folder::new();
    let journal = Journal::open(super::Options { ring_bytes: 4 << 20, ..folder.options() }).unwrap();
    let mut producer = journal.producer();
    let tags = "t".repeat(MAX_FRAME_BYTES - 2000);
    for number in 0..40 {
        let record =
            super::RecordRef { tags: Some(&tags[..tags.len() - 997 * number]), ..super::row(number as u64) };
        assert_eq!(producer.push(&record), super::Push::Done);
    }
    journal.close();
    assert_eq!(all(&folder.reader()), (0..40).collect::<Vec<_>>());

    let path = folder.files().pop().unwrap();
    let file = fs::File::open(&path).unwrap();
    let mut frames = Vec::new();
    let length = file.metadata().unwrap().len();
    let visit = |offset, _: format::Met<'_>| {
        frames.push(offset);
        true
    };
    format::scan(&file, HEADER_BYTES, length, visit).unwrap();
    assert_eq!(frames.len(), 40);
    for &offset in &frames[..39] {
        flip(&path, offset + 100);
        let batch = folder.reader().read(0, 0, 100).unwrap();
        assert_eq!((batch.rows.len(), batch.skipped.len()), (39, 1));
        assert_eq!((batch.skipped[0].offset, batch.skipped[0].reason), (offset, Reason::Checksum));
        flip(&path, offset + 100);
    }
}

#[test]
fn a_position_behind_the_end_of_a_finished_segment_moves_on() {
    let folder = Folder::new();
    let path = folder.segment(0..3);
    let at = folder.reader().read(0, 0, 10).unwrap();
    cut(&path, HEADER_BYTES + frame_bytes());
    folder.segment(90..91);
    assert_eq!(numbers(&folder.reader().read(at.segment, at.offset, 10).unwrap().rows), [90]);
}
