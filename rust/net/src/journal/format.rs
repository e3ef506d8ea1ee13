//! The bytes of a segment: a header, then frames.
//!
//! ```text
//! header  magic "FGJOURNL" | version u32 | process id u32 | created, Unix ms, u64          24 bytes
//! frame   payload length u16 | its complement u16 | crc32 of length and payload u32 | payload
//! ```
//! Numbers are little-endian. The complement tells a damaged length from a true one whose frame was cut off: only the
//! latter is a torn tail. It also keeps a run of zeros, which a power cut can leave, from being taken for frames.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A segment's header.
pub(super) type Header = [u8; 24];
/// Its size, and so the offset of the first frame.
pub(super) const HEADER_BYTES: u64 = size_of::<Header>() as u64;
/// Bytes of a frame before its payload.
pub(super) const PREFIX_BYTES: usize = 8;
/// No frame is larger, its prefix included.
pub(super) const MAX_FRAME_BYTES: usize = 64 * 1024;
/// A scan reads this much at first, for it is often asked for a few rows, and twice as much each time after.
const FIRST_WINDOW_BYTES: u64 = 32 * 1024;
/// Up to this much: room for two whole frames, without which [`scan`] might not get on.
const WINDOW_BYTES: u64 = 4 * MAX_FRAME_BYTES as u64;

const MAGIC: &[u8; 8] = b"FGJOURNL";
const VERSION: u32 = 1;

/// The header of a new segment.
pub(super) fn header(created_ms: u64) -> Header {
    let mut bytes = Header::default();
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&std::process::id().to_le_bytes());
    bytes[16..].copy_from_slice(&created_ms.to_le_bytes());
    bytes
}

/// Whether this version reads the segment.
pub(super) fn header_is_ours(bytes: &Header) -> bool {
    bytes.starts_with(MAGIC) && bytes[8..12] == VERSION.to_le_bytes()
}

/// Give the frame at the start of `bytes`, whose payload stands behind [`PREFIX_BYTES`], its length.
pub(super) fn set_length(frame: &mut [u8]) {
    let length = u16::try_from(frame.len() - PREFIX_BYTES).unwrap_or(u16::MAX);
    frame[..2].copy_from_slice(&length.to_le_bytes());
    frame[2..4].copy_from_slice(&(!length).to_le_bytes());
}

/// Give every frame of `bytes`, which holds whole frames with their lengths, its checksum; returns how many.
pub(super) fn seal(mut bytes: &mut [u8]) -> u64 {
    let mut frames = 0;
    while let Some(size) = size(bytes).filter(|size| *size <= bytes.len()) {
        let (frame, rest) = bytes.split_at_mut(size);
        let sum = checksum(frame);
        frame[4..8].copy_from_slice(&sum.to_le_bytes());
        bytes = rest;
        frames += 1;
    }
    frames
}

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A whole frame.
    Frame { payload: &'a [u8], size: usize },
    /// A whole frame with a wrong checksum.
    Bad { size: usize },
    /// The beginning of a frame, or nothing.
    Short,
    /// No length.
    Lost,
}

/// Look at the start of `bytes`.
pub(super) fn step(bytes: &[u8]) -> Step<'_> {
    if bytes.len() < PREFIX_BYTES {
        return Step::Short;
    }
    let Some(size) = size(bytes) else { return Step::Lost };
    let Some(frame) = bytes.get(..size) else { return Step::Short };
    if frame[4..8] == checksum(frame).to_le_bytes() {
        Step::Frame { payload: &frame[PREFIX_BYTES..], size }
    } else {
        Step::Bad { size }
    }
}

/// The size of the frame at the start of `bytes`, as its length says.
pub(super) fn size(bytes: &[u8]) -> Option<usize> {
    let [length @ .., third, fourth] = *bytes.first_chunk::<4>()?;
    let length = u16::from_le_bytes(length);
    let whole = length == !u16::from_le_bytes([third, fourth]);
    whole.then_some(usize::from(length) + PREFIX_BYTES).filter(|size| *size <= MAX_FRAME_BYTES)
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..4]);
    hasher.update(&frame[PREFIX_BYTES..]);
    hasher.finalize()
}

/// What a scan met.
pub(super) enum Met<'a> {
    /// The payload of a good frame.
    Payload(&'a [u8]),
    /// A bad frame of this many bytes, passed over because a good one follows it.
    Skipped { bytes: u64 },
}

/// Why a scan ended where it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The visitor had enough.
    Enough,
    /// Every byte was read.
    Clean,
    /// The rest is the beginning of a frame.
    Torn,
    /// The rest is not frames.
    Broken,
}

/// Visit the frames of a segment from `offset` up to `length`. The visitor gets the offset of what was met and says
/// whether to go on. Returns the offset behind the last frame that it saw.
///
/// A bad checksum costs one frame where a good frame follows it. Where none does, the length cannot be trusted
/// either, and the scan ends.
pub(super) fn scan(
    file: &File,
    offset: u64,
    length: u64,
    mut visit: impl FnMut(u64, Met<'_>) -> bool,
) -> io::Result<(u64, End)> {
    let mut at = offset;
    let mut window = Vec::new();
    let mut window_bytes = FIRST_WINDOW_BYTES;
    while at < length {
        window.resize(usize::try_from((length - at).min(window_bytes)).unwrap_or(0), 0);
        file.read_exact_at(&mut window, at)?;
        let last = at + window.len() as u64 == length;
        let start = at;
        window_bytes = (2 * window_bytes).min(WINDOW_BYTES);
        loop {
            let here = usize::try_from(at - start).unwrap_or(0);
            let (size, met) = match step(&window[here..]) {
                Step::Frame { payload, size } => (size, Met::Payload(payload)),
                Step::Bad { size } => match step(&window[here + size..]) {
                    Step::Frame { .. } => (size, Met::Skipped { bytes: size as u64 }),
                    Step::Short if !last => break,
                    _ => return Ok((at, End::Broken)),
                },
                Step::Short if !last => break,
                Step::Short if here == window.len() => return Ok((at, End::Clean)),
                Step::Short => return Ok((at, End::Torn)),
                Step::Lost => return Ok((at, End::Broken)),
            };
            let offset = at;
            at += size as u64;
            if !visit(offset, met) {
                return Ok((at, End::Enough));
            }
        }
    }
    Ok((at, End::Clean))
}
