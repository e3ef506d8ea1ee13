//! The folder of segments, and who may touch which.
//!
//! Several processes may write to one folder for a while (a restart that hands over), each to segments of its own.
//! Two advisory locks (flock) order them, and the kernel frees both when a process dies, however it dies:
//! - every segment is locked by its writer for as long as it may grow, so a segment that can be locked is finished;
//! - `journal.lock` is held while a segment is made and while the segments are listed, so a new segment is always
//!   newer than every segment that anybody has seen, and a reader that moves on never leaves one behind.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::format::{self, End, HEADER_BYTES};
use super::lock;

const LOCK_FILE: &str = "journal.lock";
/// How often, a millisecond apart, a held `journal.lock` is tried. It is never held for longer than a listing takes.
const LOCK_TRIES: u32 = 200;
/// How many of the newest segments are looked at for a torn tail when the journal opens. A process tears at most the
/// last one that it wrote; a reader copes with the others.
const RECOVERED: usize = 2;

/// The journal's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

/// A segment that this process writes: locked until it is dropped.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) id: u64,
    pub(super) file: File,
}

impl Drop for Segment {
    fn drop(&mut self) {
        // Closing would do, were there no forked child that shares the lock.
        let _ = lock::release(&self.file);
    }
}

/// The hold on `journal.lock`, until it is dropped.
pub(super) struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = lock::release(&self.0);
    }
}

impl Folder {
    /// The folder at `path`, made where it is missing.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let folder = Self { path };
        folder.hold(true)?;
        Ok(folder)
    }

    /// Wait for `journal.lock`, a moment at most.
    pub(super) fn hold(&self, exclusive: bool) -> io::Result<Held> {
        for _ in 0..LOCK_TRIES {
            if let Some(held) = self.try_hold(exclusive)? {
                return Ok(held);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds the lock of the journal"))
    }

    /// Take `journal.lock` if nobody has it.
    pub(super) fn try_hold(&self, exclusive: bool) -> io::Result<Option<Held>> {
        let path = self.path.join(LOCK_FILE);
        let open = || OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
                open()?
            }
            opened => opened?,
        };
        Ok(lock::acquire(&file, exclusive)?.then_some(Held(file)))
    }

    /// The ids of all segments, oldest first. Hold the lock.
    pub(super) fn list(&self, _held: &Held) -> io::Result<Vec<u64>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            ids.extend(entry?.file_name().to_str().and_then(parse));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// The newest segment of all processes.
    pub(super) fn newest(&self) -> io::Result<Option<u64>> {
        Ok(self.list(&self.hold(false)?)?.last().copied())
    }

    /// Open a segment to read.
    pub(super) fn read(&self, id: u64) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Make a segment that is newer than every other one and than `after`. Its id is the time in Unix milliseconds,
    /// moved on where that is taken.
    pub(super) fn create(&self, after: u64) -> io::Result<Segment> {
        let held = self.hold(true)?;
        let newest = self.list(&held)?.last().copied().unwrap_or(0);
        let id = unix_ms().max(newest.max(after) + 1);
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(self.path(id))?;
        let started = lock::acquire(&file, true)
            .and_then(|locked| locked.then_some(()).ok_or_else(|| io::ErrorKind::WouldBlock.into()))
            .and_then(|()| file.write_all_at(&format::header(unix_ms()), 0));
        if let Err(error) = started {
            let _ = fs::remove_file(self.path(id));
            return Err(error);
        }
        Ok(Segment { id, file })
    }

    /// Delete the finished segments before `segment`; returns how many.
    pub(super) fn release(&self, segment: u64) -> io::Result<u64> {
        let held = self.hold(true)?;
        let mut deleted = 0;
        for id in self.list(&held)?.into_iter().take_while(|id| *id < segment) {
            if is_finished(&self.read(id)?)? {
                fs::remove_file(self.path(id))?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    /// Truncate the torn tails that killed processes left; returns how many bytes.
    ///
    /// Only what an interrupted write explains is cut off, the beginning of a frame: whatever else is wrong stays for
    /// the reader to report.
    pub(super) fn recover(&self) -> io::Result<u64> {
        let held = self.hold(true)?;
        let mut truncated = 0;
        for id in self.list(&held)?.into_iter().rev().take(RECOVERED) {
            let file = OpenOptions::new().read(true).write(true).open(self.path(id))?;
            if !lock::acquire(&file, true)? {
                continue;
            }
            let length = file.metadata()?.len();
            if length < HEADER_BYTES {
                continue;
            }
            if let (end, End::Torn) = format::scan(&file, HEADER_BYTES, length, |_, _| true)? {
                file.set_len(end)?;
                truncated += length - end;
            }
        }
        Ok(truncated)
    }

    fn path(&self, id: u64) -> PathBuf {
        self.path.join(format!("journal-{id:016}.fj"))
    }
}

/// Whether nobody writes to a segment any more. Hold the folder's lock, so that none is seen half made.
pub(super) fn is_finished(file: &File) -> io::Result<bool> {
    let free = lock::acquire(file, false)?;
    if free {
        lock::release(file)?;
    }
    Ok(free)
}

fn parse(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?.strip_suffix(".fj")?.parse().ok()
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(0)
}
