//! Reading the log into memory, at start.

use std::io;
use std::path::{Path, PathBuf};

use crate::index::Tuning;
use crate::partitions::Partitions;
use crate::vector::Vector;

use super::Model;
use super::disk::{Log, set_aside};
use super::record::{self, Found, Record};

/// So much is read at a time.
const WINDOW: usize = 1 << 20;

/// What was found at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Vectors that can be found.
    pub entries: usize,
    /// Bytes behind the last whole record, which were cut off: what a crash left of a write.
    pub torn: u64,
    /// Bytes between whole records, which were passed over: damage.
    pub damaged: u64,
    /// Where a log of another model, or one without a readable head, has been put. It was not read.
    pub aside: Option<PathBuf>,
}

pub(super) fn load(path: &Path, model: &Model, tuning: Tuning) -> io::Result<(Log, Partitions, Opened)> {
    let partitions = Partitions::new(model.dimensions, tuning);
    let mut opened = Opened::default();
    let mut log = Log::open(path)?;
    let head = record::head(model);
    let found = beginning(&mut log, head.len())?;
    if found != head {
        // A part of this very head is what a crash left when the file was being made.
        if !head.starts_with(&found) {
            opened.aside = Some(set_aside(path, ".aside")?);
            log = Log::open(path)?;
        }
        log.cut(0)?;
        log.append(&head)?;
        log.sync()?;
        return Ok((log, partitions, opened));
    }
    let end = replay(&mut log, head.len() as u64, &partitions, &mut opened)?;
    if end < log.end() {
        opened.torn = log.end() - end;
        log.cut(end)?;
        log.sync()?;
    }
    opened.entries = partitions.len();
    Ok((log, partitions, opened))
}

/// Up to so many bytes from the start.
fn beginning(log: &mut Log, most: usize) -> io::Result<Vec<u8>> {
    let mut found = vec![0; most];
    let mut filled = 0;
    while filled < most {
        match log.read(&mut found[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    found.truncate(filled);
    Ok(found)
}

/// Applies all whole records from here on; where the last one ends.
fn replay(log: &mut Log, from: u64, partitions: &Partitions, opened: &mut Opened) -> io::Result<u64> {
    let mut bytes = Vec::new();
    let (mut at, mut place, mut good) = (0, from, from);
    loop {
        bytes.drain(..at);
        let kept = bytes.len();
        bytes.resize(kept + WINDOW, 0);
        let read = log.read(&mut bytes[kept..])?;
        bytes.truncate(kept + read);
        at = 0;
        while at < bytes.len() {
            match record::read(&bytes[at..], partitions.dimensions()) {
                Found::Whole(record, size) => {
                    opened.damaged += place - good;
                    apply(partitions, record);
                    (at, place) = (at + size, place + size as u64);
                    good = place;
                }
                Found::Part if read > 0 => break,
                Found::Part | Found::Damage => (at, place) = (at + 1, place + 1),
            }
        }
        if read == 0 {
            return Ok(good);
        }
    }
}

fn apply(partitions: &Partitions, record: Record) {
    match record {
        Record::Insert(scope, id, unit) => partitions.put(&scope, id, &Vector::of_unit(unit), || ()),
        Record::Remove(scope, id) => drop(partitions.take(&scope, id, || ())),
        Record::Clear(scope) => drop(partitions.drop_scope(&scope, || ())),
    }
}
