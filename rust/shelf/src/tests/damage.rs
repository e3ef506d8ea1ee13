//! What a crash, a disk or another version leaves.

use std::collections::BTreeMap;
use std::fs;

use super::super::Opened;
use super::super::record::{self, HEAD};
use super::{Folder, NOW, bodies, entry, key};

/// A log of four records, and where each ends: two answers, one that replaces the first, and the removal of the second.
fn small() -> (Vec<u8>, Vec<usize>) {
    let mut log = HEAD.to_vec();
    let mut ends = Vec::new();
    for (number, body) in [(1, "one"), (2, "two"), (1, "one anew")] {
        record::put(&mut log, &key(number), NOW, &entry(body));
        ends.push(log.len());
    }
    record::remove(&mut log, &key(2));
    ends.push(log.len());
    (log, ends)
}

/// What the whole records say when so many of them count.
fn said(records: usize) -> BTreeMap<u8, String> {
    match records {
        0 => bodies([]),
        1 => bodies([(1, "one")]),
        2 => bodies([(1, "one"), (2, "two")]),
        3 => bodies([(1, "one anew"), (2, "two")]),
        _ => bodies([(1, "one anew")]),
    }
}

#[test]
fn a_log_may_end_anywhere() {
    let (log, ends) = small();
    for end in 0..=log.len() {
        let folder = Folder::with(&log[..end]);
        let (kept, opened) = folder.open();
        let whole = ends.iter().filter(|at| **at <= end).count();
        let good = ends[..whole].last().copied().unwrap_or(HEAD.len());
        assert_eq!(kept.bodies(), said(whole), "cut at {end}");
        assert_eq!((opened.torn, opened.damaged), (end.saturating_sub(good) as u64, 0), "cut at {end}");
        assert_eq!(opened.aside, None);
        // What is written next stands where the torn record stood.
        kept.put(9, "nine");
        drop(kept);
        let (kept, opened) = folder.open();
        let mut expected = said(whole);
        expected.insert(9, "nine".to_owned());
        assert_eq!((kept.bodies(), opened.torn, opened.damaged), (expected, 0, 0), "cut at {end}");
    }
}

#[test]
fn a_garbled_tail_costs_its_records_only() {
    let (log, ends) = small();
    for from in HEAD.len()..log.len() {
        let mut garbled = log.clone();
        for (at, byte) in garbled[from..].iter_mut().enumerate() {
            *byte ^= u8::try_from(at % 251).unwrap() | 1;
        }
        let folder = Folder::with(&garbled);
        let (kept, opened) = folder.open();
        let whole = ends.iter().filter(|at| **at <= from).count();
        assert_eq!(kept.bodies(), said(whole), "garbled from {from}");
        assert!(opened.torn > 0);
    }
}

#[test]
fn a_flipped_byte_costs_its_record_only_and_is_gone_soon() {
    let (log, ends) = small();
    for at in HEAD.len()..log.len() {
        let mut damaged = log.clone();
        damaged[at] ^= 0x40;
        let folder = Folder::with(&damaged);
        let (kept, opened) = folder.open();
        let lost = ends.iter().filter(|end| **end <= at).count();
        let expected = match lost {
            // These two were replaced and removed.
            0 | 1 => said(4),
            2 => bodies([(1, "one")]),
            _ => said(3),
        };
        assert_eq!(kept.bodies(), expected, "flipped at {at}");
        let size = ends[lost] - lost.checked_sub(1).map_or(HEAD.len(), |before| ends[before]);
        assert_eq!(opened.damaged + opened.torn, size as u64);
        kept.shelf.flush().unwrap();
        drop(kept);
        let (kept, opened) = folder.open();
        assert_eq!((kept.bodies(), opened.damaged, opened.torn), (expected, 0, 0), "flipped at {at}");
    }
}

#[test]
fn a_log_of_another_version_is_set_aside() {
    let (mut log, _) = small();
    log[HEAD.len() - 1] += 1;
    let folder = Folder::with(&log);
    let (kept, opened) = folder.open();
    assert_eq!(kept.bodies(), bodies([]));
    assert_eq!(fs::read(opened.aside.unwrap()).unwrap(), log);
    kept.put(1, "one");
    drop(kept);
    assert_eq!(folder.open().0.bodies(), bodies([(1, "one")]));
}

#[test]
fn an_answer_that_only_a_later_version_can_read_is_passed_over() {
    let mut log = HEAD.to_vec();
    let mut strange = Vec::new();
    record::put(&mut strange, &key(1), NOW, &entry("one"));
    // The form, behind the prefix and the tenant, is one that is not known; both sums are right.
    let at = record::PREFIX + 5 + "local".len() + 5;
    assert_eq!(strange[at], 1);
    strange[at] = 99;
    let sum = crc32fast::hash(&strange[record::PREFIX..]);
    strange[16..20].copy_from_slice(&sum.to_le_bytes());
    let sum = crc32fast::hash(&strange[8..record::PREFIX]);
    strange[4..8].copy_from_slice(&sum.to_le_bytes());
    log.extend_from_slice(&strange);
    record::put(&mut log, &key(2), NOW, &entry("two"));
    let (kept, opened) = Folder::with(&log).open();
    assert_eq!(opened, Opened { entries: 1, unread: 1, ..Opened::default() });
    assert_eq!(kept.bodies(), bodies([(2, "two")]));
}

#[test]
fn a_disk_that_refuses_is_reported_and_tried_again() {
    let (mut log, ends) = small();
    // A log that is damaged has to be written anew, which a folder in the new file's place prevents.
    log[ends[0] - 1] ^= 1;
    let folder = Folder::with(&log);
    let blocked = folder.0.join("cache").join("answers.log.new");
    fs::create_dir(&blocked).unwrap();
    let (kept, _) = folder.open();
    assert!(kept.shelf.flush().is_err());
    kept.put(7, "seven");
    assert!(kept.shelf.flush().is_err());
    let status = kept.shelf.status();
    assert!(status.failure.is_some());
    assert_eq!((status.failures, status.rewrites), (1, 0));
    drop(kept);
    fs::remove_dir(&blocked).unwrap();
    let (kept, opened) = folder.open();
    assert!(opened.damaged > 0);
    kept.shelf.flush().unwrap();
    assert_eq!((kept.shelf.status().failure, kept.shelf.status().rewrites), (None, 1));
    assert_eq!(kept.bodies(), bodies([(1, "one anew"), (7, "seven")]));
}
