//! Reading the rows back, in the order of segments, from a position that the caller keeps.
//!
//! A position is a segment and an offset in it; (0, 0) is the oldest row there is. Where the segment is gone the next
//! one is read from its beginning. A read waits for nothing and keeps nothing: reading from a position a second time
//! gives the same rows again, so whoever stores rows and position in one transaction stores every row exactly once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::counters::{Counters, add};
use super::folder::{self, Folder};
use super::format::{self, End, HEADER_BYTES, Header, Met};
use super::record::Record;

/// Reads the segments of one folder, those of other processes included.
#[derive(Debug, Clone)]
pub struct Reader {
    folder: Folder,
    counters: Arc<Counters>,
}

/// Rows, and the position behind them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The rows, oldest first within what one thread wrote.
    pub rows: Vec<Record>,
    /// The segment to read on from.
    pub segment: u64,
    /// The offset to read on from.
    pub offset: u64,
    /// What was passed over, for the log: rows may be missing there.
    pub skipped: Vec<Skipped>,
}

/// A damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Its segment.
    pub segment: u64,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// One frame's checksum is wrong.
    Checksum,
    /// One frame is whole, but no row that this version knows.
    Record,
    /// No frame can be made out in the rest of the segment.
    Rest,
    /// The segment does not begin as this version's segments do.
    Header,
}

/// A segment that is being read.
struct Opened {
    file: File,
    length: u64,
    finished: bool,
    next: Option<u64>,
}

impl Reader {
    pub(super) fn new(folder: Folder, counters: Arc<Counters>) -> Self {
        Self { folder, counters }
    }

    /// A reader for a folder that this process does not write; makes the folder where it is missing.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self::new(Folder::open(folder.into())?, Arc::default()))
    }

    /// Up to `max_rows` rows from a position on.
    pub fn read(&self, segment: u64, offset: u64, max_rows: usize) -> io::Result<Batch> {
        let mut batch = Batch { segment, offset, ..Batch::default() };
        while batch.rows.len() < max_rows {
            let Some(opened) = self.enter(&mut batch)? else { break };
            let (end, reason) = self.collect(&opened, max_rows, &mut batch)?;
            if end == End::Enough || !opened.finished {
                break;
            }
            // Without a segment to go on with, the position stays, and what is wrong is said when it is left.
            let Some(next) = opened.next else { break };
            if end == End::Broken {
                self.skip(&mut batch, opened.length, reason);
            }
            (batch.segment, batch.offset) = (next, 0);
        }
        Ok(batch)
    }

    /// Delete the finished segments before `segment`; returns how many. Only rows that are stored for good may go.
    pub fn release(&self, segment: u64) -> io::Result<u64> {
        self.folder.release(segment)
    }

    /// Open the segment of the position, or the first one behind it. None where there is none, or where another
    /// process is making one this very moment.
    fn enter(&self, batch: &mut Batch) -> io::Result<Option<Opened>> {
        let Some(held) = self.folder.try_hold(false)? else { return Ok(None) };
        let asked = batch.segment;
        let mut ids = self.folder.list(&held)?.into_iter().skip_while(|id| *id < asked);
        let Some(id) = ids.next() else { return Ok(None) };
        if id != asked {
            (batch.segment, batch.offset) = (id, 0);
        }
        let file = self.folder.read(id)?;
        // In this order: a segment that was finished before its length was read does not grow afterwards.
        let finished = folder::is_finished(&file)?;
        let length = file.metadata()?.len();
        Ok(Some(Opened { file, length, finished, next: ids.next() }))
    }

    /// Add the rows of one segment, and move the position behind them.
    fn collect(&self, opened: &Opened, max_rows: usize, batch: &mut Batch) -> io::Result<(End, Reason)> {
        if batch.offset < HEADER_BYTES {
            if opened.length < HEADER_BYTES {
                return Ok((End::Torn, Reason::Header));
            }
            let mut header = Header::default();
            opened.file.read_exact_at(&mut header, 0)?;
            if !format::header_is_ours(&header) {
                return Ok((End::Broken, Reason::Header));
            }
            batch.offset = HEADER_BYTES;
        }
        let segment = batch.segment;
        let (offset, end) = format::scan(&opened.file, batch.offset, opened.length, |offset, met| {
            let (bytes, reason) = match met {
                Met::Payload(payload) => {
                    if let Some(row) = Record::decode(payload) {
                        batch.rows.push(row);
                        return batch.rows.len() < max_rows;
                    }
                    ((format::PREFIX_BYTES + payload.len()) as u64, Reason::Record)
                }
                Met::Skipped { bytes } => (bytes, Reason::Checksum),
            };
            batch.skipped.push(Skipped { segment, offset, bytes, reason });
            self.count(bytes);
            true
        })?;
        batch.offset = offset;
        Ok((end, Reason::Rest))
    }

    /// Say that the rest of the segment is passed over.
    fn skip(&self, batch: &mut Batch, length: u64, reason: Reason) {
        let bytes = length - batch.offset;
        batch.skipped.push(Skipped { segment: batch.segment, offset: batch.offset, bytes, reason });
        self.count(bytes);
    }

    fn count(&self, bytes: u64) {
        add(&self.counters.skipped_places, 1);
        add(&self.counters.skipped_bytes, bytes);
    }
}
