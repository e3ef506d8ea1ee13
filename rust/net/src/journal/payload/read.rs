//! Reading one payload back.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Place;
use super::frame::{self, MOST_FRAME_BYTES, Stored};
use super::segments::segment_path;

/// The payload of one request, at the place that its row names. None where it is not there: its segment was deleted,
/// or what stands there is damaged or another request's.
pub fn read(folder: &Path, place: Place, request_id: &str) -> io::Result<Option<Stored>> {
    let length = place.length as usize;
    if length == 0 || length > MOST_FRAME_BYTES {
        return Ok(None);
    }
    let file = match File::open(segment_path(folder, place.segment)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, place.offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    Ok(frame::unpack(&bytes, request_id.as_bytes()))
}
