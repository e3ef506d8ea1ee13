//! Advisory file locks (flock), which belong to an open file and end with it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Lock a file, alone or with other readers; false where somebody else holds it. Waits for nothing.
pub(super) fn acquire(file: &File, exclusive: bool) -> io::Result<bool> {
    let kind = if exclusive { libc::LOCK_EX } else { libc::LOCK_SH };
    match flock(file, kind | libc::LOCK_NB) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Unlock a file, for everybody who shares its open file.
pub(super) fn release(file: &File) -> io::Result<()> {
    flock(file, libc::LOCK_UN)
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
