//! The bytes of one payload in its segment.
//!
//! ```text
//! frame  length u32 | its complement u32 | crc32 of length and rest u32 | rest
//! rest   version u8 = 1 | request id, 26 bytes | about both bodies, postcard | both bodies, one after the other, LZ4
//! ```
//! Numbers are little-endian; the length is of the rest.

use serde::{Deserialize, Serialize};

use super::{Held, Part, Payload};

/// Bytes of a frame before its rest.
const PREFIX_BYTES: usize = 12;
const ID_BYTES: usize = 26;
const VERSION: u8 = 1;
/// No payload is larger when it is unpacked: twice what one body may be, with room to spare.
const MOST_BYTES: usize = 4 << 20;
/// No frame is larger: LZ4 grows what it cannot pack by less than one part in a hundred.
pub(super) const MOST_FRAME_BYTES: usize = MOST_BYTES + MOST_BYTES / 64;

/// What is known of one body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// How many bytes were kept.
    pub bytes: u32,
    /// Its media type.
    pub media: String,
    /// Its content coding.
    pub coding: String,
    /// There was more.
    pub truncated: bool,
    /// There was no room for it.
    pub shed: bool,
}

#[derive(Serialize)]
struct About<'a> {
    bytes: u32,
    media: &'a str,
    coding: &'a str,
    truncated: bool,
    shed: bool,
}

impl<'a> From<&'a Part> for About<'a> {
    fn from(part: &'a Part) -> Self {
        Self {
            bytes: u32::try_from(part.bytes.len()).unwrap_or(u32::MAX),
            media: &part.media,
            coding: &part.coding,
            truncated: part.truncated,
            shed: part.shed,
        }
    }
}

/// A payload as it was read back.
#[derive(Debug, PartialEq, Eq)]
pub struct Stored {
    /// About the request's body.
    pub request: Body,
    /// About the answer's body.
    pub response: Body,
    /// Both, one after the other.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// The bytes of both bodies.
    pub fn split(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at((self.request.bytes as usize).min(self.bytes.len()))
    }
}

/// Packs payloads, one after the other, with the same scratch memory.
#[derive(Debug, Default)]
pub(super) struct Packer {
    joined: Vec<u8>,
}

impl Packer {
    /// Append the frame of a payload to `out`; returns its length. None where it is larger than any may be: then `out`
    /// is as it was.
    pub(super) fn pack(&mut self, payload: &Payload, out: &mut Vec<u8>) -> Option<usize> {
        let start = out.len();
        let (request, response) = (&payload.request.bytes, &payload.response.bytes);
        let size = request.len() + response.len();
        if size > MOST_BYTES {
            return None;
        }
        out.extend_from_slice(&[0; PREFIX_BYTES]);
        out.push(VERSION);
        out.extend_from_slice(&payload.request_id);
        let about = (About::from(&payload.request), About::from(&payload.response));
        let Ok(about) = postcard::to_allocvec(&about) else {
            out.truncate(start);
            return None;
        };
        out.extend_from_slice(&about);
        let body = out.len();
        out.resize(body + lz4_flex::block::get_maximum_output_size(size), 0);
        let both: &[u8] = match (request, response) {
            (Held::Whole(request), response) if response.is_empty() => request,
            (request, Held::Whole(response)) if request.is_empty() => response,
            _ => {
                self.joined.clear();
                if !(request.append_to(&mut self.joined) && response.append_to(&mut self.joined)) {
                    out.truncate(start);
                    return None;
                }
                &self.joined
            }
        };
        let packed = lz4_flex::block::compress_into(both, &mut out[body..]);
        let Ok(packed) = packed else {
            out.truncate(start);
            return None;
        };
        out.truncate(body + packed);
        let frame = &mut out[start..];
        let length = u32::try_from(frame.len() - PREFIX_BYTES).ok()?;
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[4..8].copy_from_slice(&(!length).to_le_bytes());
        let sum = checksum(frame);
        frame[8..PREFIX_BYTES].copy_from_slice(&sum.to_le_bytes());
        Some(frame.len())
    }

    /// Give back memory that only very large bodies needed.
    pub(super) fn rest(&mut self) {
        self.joined.clear();
        self.joined.shrink_to(256 * 1024);
    }
}

/// Unpack a frame. None where it is not that request's, or damaged in any way.
pub(super) fn unpack(frame: &[u8], request_id: &[u8]) -> Option<Stored> {
    let (length, rest) = frame.split_first_chunk::<4>()?;
    let (complement, _) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let whole = length == !u32::from_le_bytes(*complement) && frame.len() == length as usize + PREFIX_BYTES;
    if !whole || frame[8..PREFIX_BYTES] != checksum(frame).to_le_bytes() {
        return None;
    }
    let (&version, rest) = frame[PREFIX_BYTES..].split_first()?;
    let (id, rest) = rest.split_at_checked(ID_BYTES)?;
    if version != VERSION || id != request_id {
        return None;
    }
    let ((request, response), packed) = postcard::take_from_bytes::<(Body, Body)>(rest).ok()?;
    let size = request.bytes as usize + response.bytes as usize;
    if size > MOST_BYTES {
        return None;
    }
    let bytes = lz4_flex::block::decompress(packed, size).ok()?;
    (bytes.len() == size).then_some(Stored { request, response, bytes })
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..8]);
    hasher.update(&frame[PREFIX_BYTES..]);
    hasher.finalize()
}
