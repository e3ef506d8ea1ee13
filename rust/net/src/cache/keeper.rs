//! A thread that sees to the cache once in a while: what is too old goes, what was learned is
//! written, and files that another process had are tried again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{Builder, JoinHandle, park_timeout};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::shared::Shared;

/// Between two looks, and how many of them until what is too old is taken away.
const PAUSE: Duration = Duration::from_secs(1);
const EXPIRING: u32 = 30;

/// The thread, until it is dropped.
pub(crate) struct Keeper {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let (stop, shared) = (Arc::clone(&ended), Arc::clone(shared));
        let thread = Builder::new().name("fg-cache".to_owned()).spawn(move || {
            let mut rounds = 0u32;
            while !stop.load(Relaxed) {
                park_timeout(PAUSE);
                rounds = rounds.wrapping_add(1);
                tend(&shared, rounds.is_multiple_of(EXPIRING));
            }
        })?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn tend(shared: &Shared, expires: bool) {
    let cache = &shared.cache;
    if expires {
        cache.store.expire(unix_ms());
        cache.write_verified();
    }
    // A predecessor that still serves has the files; it lets go of them when it ends, of all at one time.
    if !cache.is_waiting() || cache.open(unix_ms()).is_err() {
        return;
    }
    if cache.semantic().is_some_and(|semantic| !semantic.is_in_place()) {
        let _ = cache.settle(shared.snapshot.load().embedding.as_ref());
    }
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
