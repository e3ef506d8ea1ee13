//! Reading a log, at start.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Log, beside, discard, set_aside};
use super::lock::Lock;

/// So much is read at a time.
const WINDOW: usize = 1 << 20;

/// What stands at a place of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// A record of so many bytes.
    Whole(usize),
    /// What may be the beginning of a record.
    Part,
    /// No record.
    Damage,
}

/// What was found beside records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes behind the last whole record, which were cut off: what a crash left of a write.
    pub torn: u64,
    /// Bytes between whole records, which were passed over: damage.
    pub damaged: u64,
}

/// A log that is open, to be read as often as one likes.
#[derive(Debug)]
pub struct Reading {
    pub(crate) path: PathBuf,
    pub(crate) head: Vec<u8>,
    pub(crate) log: Log,
    pub(crate) lock: Lock,
    aside: Option<PathBuf>,
}

impl Reading {
    /// Opens a log, or begins one. It begins with `head`, which says what the records are and of which version; one
    /// that begins otherwise is put aside unread.
    pub fn open(path: &Path, head: Vec<u8>) -> io::Result<Self> {
        let lock = Lock::take(path)?;
        // A crash may have left a new log half written.
        discard(&beside(path, ".new"));
        let mut log = Log::open(path)?;
        let mut aside = None;
        let found = beginning(&mut log, head.len())?;
        if found != head {
            // A part of this very head is what a crash left when the file was being made.
            if !head.starts_with(&found) {
                aside = Some(set_aside(path, ".aside")?);
                log = Log::open(path)?;
            }
            log.cut(0)?;
            log.append(&head)?;
            log.sync()?;
        }
        Ok(Self { path: path.to_owned(), head, log, lock, aside })
    }

    /// Where a log with another head has been put.
    pub fn aside(&self) -> Option<&Path> {
        self.aside.as_deref()
    }

    /// Hands over all whole records with their places, in order. What stands behind the last one is cut off.
    pub fn scan(
        &mut self,
        span: impl Fn(&[u8]) -> Span,
        mut each: impl FnMut(u64, &[u8]),
    ) -> io::Result<Scanned> {
        let (mut place, mut good) = (self.head.len() as u64, self.head.len() as u64);
        self.log.seek(place)?;
        let mut bytes = Vec::new();
        let (mut at, mut damaged, mut more) = (0, 0, true);
        while more {
            bytes.drain(..at);
            let kept = bytes.len();
            bytes.resize(kept + WINDOW, 0);
            let read = self.log.read(&mut bytes[kept..])?;
            bytes.truncate(kept + read);
            (at, more) = (0, read > 0);
            while at < bytes.len() {
                match span(&bytes[at..]) {
                    Span::Whole(size) => {
                        damaged += place - good;
                        each(place, &bytes[at..at + size]);
                        (at, place) = (at + size, place + size as u64);
                        good = place;
                    }
                    Span::Part if more => break,
                    Span::Part | Span::Damage => (at, place) = (at + 1, place + 1),
                }
            }
        }
        let torn = self.log.end().saturating_sub(good);
        if torn > 0 {
            self.log.cut(good)?;
            self.log.sync()?;
        }
        Ok(Scanned { torn, damaged })
    }
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
