//! A file descriptor that wakes an event loop.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Readable while something waits. A socket pair, so that it works wherever asyncio does.
#[derive(Debug)]
pub(super) struct Signal {
    raised: AtomicBool,
    reading: UnixStream,
    writing: Mutex<UnixStream>,
}

impl Signal {
    pub(super) fn new() -> io::Result<Self> {
        let (reading, writing) = UnixStream::pair()?;
        reading.set_nonblocking(true)?;
        writing.set_nonblocking(true)?;
        Ok(Self { raised: AtomicBool::new(false), reading, writing: Mutex::new(writing) })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.reading.as_raw_fd()
    }

    /// Wakes the loop, once until it lowers the signal.
    pub(super) fn raise(&self) {
        if !self.raised.swap(true, SeqCst)
            && let Ok(mut writing) = self.writing.lock()
        {
            // A full pipe wakes the loop as well.
            let _ = writing.write(&[1]);
        }
    }

    /// Called before what waits is taken, so that nothing that comes later is missed.
    pub(super) fn lower(&self) {
        let mut bytes = [0; 16];
        let _ = (&self.reading).read(&mut bytes);
        self.raised.store(false, SeqCst);
    }
}
