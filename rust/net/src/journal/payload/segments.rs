//! The folder of payload segments: `payload-ID.fp`, each locked by its writer for as long as it may grow.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::super::folder::Segment;
use super::super::lock;

/// Bytes before the first frame: magic, version, process id, creation time.
pub(super) const HEADER_BYTES: u64 = size_of::<Header>() as u64;
type Header = [u8; 24];
const MAGIC: &[u8; 8] = b"FGPAYLDS";
const VERSION: u32 = 1;

/// The folder.
#[derive(Debug)]
pub(super) struct Segments {
    path: PathBuf,
}

impl Segments {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Make a segment; its id is the time in Unix milliseconds, moved on where that is taken.
    pub(super) fn create(&self, now: SystemTime, after: u64) -> io::Result<Segment> {
        let created = unix_ms(now);
        let mut id = created.max(after + 1);
        let open = |id| {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(segment_path(&self.path, id))
        };
        let file = loop {
            match open(id) {
                Ok(file) => break file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => id += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
                }
                Err(error) => return Err(error),
            }
        };
        let mut header = Header::default();
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&std::process::id().to_le_bytes());
        header[16..].copy_from_slice(&created.to_le_bytes());
        let started = lock::acquire(&file, true).and_then(|_| file.write_all_at(&header, 0));
        if let Err(error) = started {
            let _ = fs::remove_file(segment_path(&self.path, id));
            return Err(error);
        }
        Ok(Segment { id, file })
    }

    /// Delete finished segments, oldest first: those that nobody wrote to for `age`, and more until `most` bytes are
    /// left. Returns how many went, and the bytes that stay.
    pub(super) fn sweep(&self, now: SystemTime, age: Duration, most: u64) -> io::Result<(u64, u64)> {
        let mut found = Vec::new();
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Some(id) = entry.file_name().to_str().and_then(parse) else { continue };
            // Another process may sweep too.
            let Ok(about) = entry.metadata() else { continue };
            found.push((id, about.size(), about.modified().unwrap_or(now)));
        }
        found.sort_unstable_by_key(|(id, ..)| *id);
        let mut total: u64 = found.iter().map(|(_, size, _)| size).sum();
        let mut gone = 0;
        for (id, size, written) in found {
            let old = now.duration_since(written).is_ok_and(|since| since > age);
            if (old || total > most) && self.remove(id)? {
                total -= size;
                gone += 1;
            }
        }
        Ok((gone, total))
    }

    /// Delete a segment that nobody writes to; false where somebody does.
    fn remove(&self, id: u64) -> io::Result<bool> {
        let path = segment_path(&self.path, id);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            file => file?,
        };
        if !lock::acquire(&file, true)? {
            return Ok(false);
        }
        fs::remove_file(path).map(|()| true)
    }

    /// Whether the file system has room to spare for more than rows.
    pub(super) fn has_room(file: &File) -> bool {
        free(file).is_none_or(|(free, all)| free > RESERVE_BYTES.min(all / 16))
    }
}

/// So much of the disk is left to the rows, or a sixteenth of a small one.
const RESERVE_BYTES: u64 = 64 << 20;

/// Bytes that are free, and all, of the file's file system; none where it does not say.
#[expect(unsafe_code, reason = "the standard library has no statvfs")]
fn free(file: &File) -> Option<(u64, u64)> {
    let mut about = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and the kernel fills the struct in where it
    // returns 0.
    let about = unsafe {
        if libc::fstatvfs(file.as_raw_fd(), about.as_mut_ptr()) != 0 {
            return None;
        }
        about.assume_init()
    };
    // Their types differ between systems.
    let of = |blocks: u64| blocks.checked_mul(about.f_frsize as u64);
    Some((of(about.f_bavail as u64)?, of(about.f_blocks as u64).filter(|all| *all > 0)?))
}

pub(super) fn segment_path(folder: &Path, id: u64) -> PathBuf {
    folder.join(format!("payload-{id:016}.fp"))
}

fn parse(name: &str) -> Option<u64> {
    name.strip_prefix("payload-")?.strip_suffix(".fp")?.parse().ok()
}

fn unix_ms(now: SystemTime) -> u64 {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}
