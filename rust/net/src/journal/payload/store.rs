//! The writer's half: packs payloads, writes them, and fills their places into the rows.
//!
//! A turn packs into one buffer, [`Store::commit`] writes it, and only then do the rows that name its places leave for
//! the disk. Where the disk refuses, or has little room left, payloads are shed at once: the room is the rows'.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime};

use super::super::Shared;
use super::super::counters::add;
use super::super::folder::Segment;
use super::super::format::PREFIX_BYTES;
use super::super::writer::Disk;
use super::frame::Packer;
use super::place::PLACE_BYTES;
use super::segments::{HEADER_BYTES, Segments};
use super::{Kept, Payload, Place};

/// After this many bytes of bodies the rows at hand are written before more is packed: some 10 ms of work.
const TURN_BYTES: usize = 4 << 20;
/// What is kept of the buffer between turns.
const BUFFER_BYTES: usize = 1 << 20;
/// How long payloads are shed after the disk refused one, or was found full.
const REFUSING: Duration = Duration::from_secs(1);
/// How often old segments are looked for, and the disk's room.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A segment is at most this large and this old, so that what is deleted goes in small pieces.
const SEGMENT_BYTES: u64 = 64 << 20;
const SEGMENT_AGE: Duration = Duration::from_secs(3600);
/// ... or this part of what is kept in all.
const PARTS: u32 = 8;
/// A row's place stands behind its frame's prefix and its version.
const PLACE_AT: usize = PREFIX_BYTES + 1;

pub(in super::super) struct Store {
    segments: Option<Segments>,
    shared: Arc<Shared>,
    packer: Packer,
    /// Frames of this turn, and where in the batch the rows begin that name them.
    buffer: Vec<u8>,
    rows: Vec<usize>,
    taken: usize,
    segment: Option<Segment>,
    /// Where the buffer goes in the segment.
    offset: u64,
    begun: Instant,
    last_id: u64,
    refusing: Option<Instant>,
    looked: Option<Instant>,
    swept: Option<Instant>,
}

impl Store {
    pub(in super::super) fn new(folder: Option<PathBuf>, shared: Arc<Shared>) -> Self {
        Self {
            segments: folder.map(Segments::new),
            shared,
            packer: Packer::default(),
            buffer: Vec::new(),
            rows: Vec::new(),
            taken: 0,
            segment: None,
            offset: 0,
            begun: Instant::now(),
            last_id: 0,
            refusing: None,
            looked: None,
            swept: None,
        }
    }

    /// Pack the payload of the row that begins at `row` in `batch`, and fill its place in.
    pub(in super::super) fn add(&mut self, batch: &mut [u8], row: usize, payload: Option<&Payload>) {
        let place = match payload {
            Some(payload) if payload.has_bytes() => self.pack(payload),
            Some(payload) => Place::none(payload.kept()),
            None => Place::none(Kept::Shed),
        };
        if place.length > 0 {
            self.rows.push(row);
        }
        self.fill(batch, row, place);
    }

    /// Whether the rows at hand should be written before more is packed.
    pub(in super::super) fn is_full(&self) -> bool {
        self.taken >= TURN_BYTES
    }

    /// Write what was packed. Where the disk refuses it, the rows in `batch` say that it was shed.
    pub(in super::super) fn commit(&mut self, disk: &mut dyn Disk, batch: &mut [u8]) {
        self.taken = 0;
        if self.buffer.is_empty() {
            return;
        }
        let written = match &self.segment {
            Some(segment) => write(disk, &segment.file, &self.buffer, self.offset),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let rows = std::mem::take(&mut self.rows);
        if written.is_ok() {
            let bytes = self.buffer.len() as u64;
            self.offset += bytes;
            add(&self.shared.counters.payloads, rows.len() as u64);
            add(&self.shared.counters.payload_bytes, bytes);
            add(&self.shared.counters.payload_disk_bytes, bytes);
        } else {
            self.refuse();
            for row in rows {
                self.fill(batch, row, Place::none(Kept::Shed));
            }
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES);
        self.packer.rest();
    }

    /// Leave a segment that is large or old, and delete what is beyond the retention.
    pub(in super::super) fn tend(&mut self) {
        let (age, most) = (self.shared.retention.age(), self.shared.retention.total_bytes());
        let large = self.offset > (most / u64::from(PARTS)).clamp(1 << 20, SEGMENT_BYTES);
        if large || self.begun.elapsed() > SEGMENT_AGE.min(age / PARTS) {
            self.segment = None;
            self.offset = 0;
        }
        let Some(segments) = &self.segments else { return };
        if self.swept.is_some_and(|swept| swept.elapsed() < SWEEP_EVERY) && !large {
            return;
        }
        self.swept = Some(Instant::now());
        match segments.sweep(SystemTime::now(), age, most) {
            Ok((gone, left)) => {
                add(&self.shared.counters.payload_segments_deleted, gone);
                self.shared.counters.payload_disk_bytes.store(left, Relaxed);
            }
            Err(_) => add(&self.shared.counters.payload_errors, 1),
        }
    }

    /// How long [`Self::tend`] may wait; none where there is nothing to look after.
    pub(in super::super) fn patience(&self) -> Option<Duration> {
        let holds = self.segment.is_some() || self.shared.counters.payload_disk_bytes.load(Relaxed) > 0;
        holds.then_some(SWEEP_EVERY)
    }

    fn pack(&mut self, payload: &Payload) -> Place {
        if self.is_refusing() || self.enter().is_err() {
            return Place::none(Kept::Shed);
        }
        let Some(segment) = &self.segment else { return Place::none(Kept::Shed) };
        let offset = self.offset + self.buffer.len() as u64;
        self.taken += payload.request.bytes.len() + payload.response.bytes.len();
        let length =
            self.packer.pack(payload, &mut self.buffer).and_then(|length| u32::try_from(length).ok());
        match length {
            Some(length) => Place { kept: payload.kept(), segment: segment.id, offset, length },
            None => Place::none(Kept::Shed),
        }
    }

    fn fill(&self, batch: &mut [u8], row: usize, place: Place) {
        if place.kept == Kept::Shed {
            add(&self.shared.counters.payloads_shed, 1);
        }
        let at = row + PLACE_AT;
        if let Some(block) = batch.get_mut(at..at + PLACE_BYTES) {
            block.copy_from_slice(&place.encode(false));
        }
    }

    /// Have a segment to write to.
    fn enter(&mut self) -> io::Result<()> {
        let Some(segments) = &self.segments else { return Err(io::ErrorKind::NotFound.into()) };
        if self.segment.is_none() {
            match segments.create(SystemTime::now(), self.last_id) {
                Ok(segment) => {
                    self.last_id = segment.id;
                    self.segment = Some(segment);
                    self.offset = HEADER_BYTES;
                    self.begun = Instant::now();
                    self.looked = None;
                }
                Err(error) => {
                    self.refuse();
                    return Err(error);
                }
            }
        }
        let due = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        if due && self.segment.as_ref().is_some_and(|segment| !Segments::has_room(&segment.file)) {
            self.refusing = Some(Instant::now());
            return Err(io::ErrorKind::StorageFull.into());
        }
        if due {
            self.looked = Some(Instant::now());
        }
        Ok(())
    }

    fn is_refusing(&self) -> bool {
        self.refusing.is_some_and(|since| since.elapsed() < REFUSING)
    }

    fn refuse(&mut self) {
        add(&self.shared.counters.payload_errors, 1);
        self.refusing = Some(Instant::now());
    }
}

fn write(disk: &mut dyn Disk, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        match disk.write(file, &bytes[written..], offset + written as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => written += taken,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
