//! Which process has a log open: a lock (flock) on a file beside it, which the kernel frees however the process ends.
//!
//! The log itself cannot carry the lock, because a new one takes its name now and then.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::disk::{self, beside};

#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    pub(crate) fn take(log: &Path) -> io::Result<Self> {
        let file = disk::open(&beside(log, ".lock"))?;
        match flock(&file, libc::LOCK_EX | libc::LOCK_NB) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let text = format!("another process has {} open", log.display());
                Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
            }
            locked => locked.map(|()| Self(file)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, were there no forked child that shares the lock.
        let _ = flock(&self.0, libc::LOCK_UN);
    }
}

#[expect(unsafe_code, reason = "File::try_lock is newer than the oldest Rust we build with")]
fn flock(file: &File, operation: libc::c_int) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor is open for as long as `file` is borrowed.
        if unsafe { libc::flock(file.as_raw_fd(), operation) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
