//! One engine thread: a runtime, a connection pool and a recorder that nobody else touches.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ferrogate_core::cache::key::Reader as Keys;
use tokio::runtime::Runtime;

use crate::door::Bell;
use crate::observe::Recorder;
use crate::request::ModelLists;
use crate::server::Watches;
use crate::shared::Shared;
use crate::upstream::{Connector, Pool, keep_warm};

/// A client that is busy on its connection has sent its next request by then. While the gateway drains, a connection
/// that stands idle for longer is closed.
pub(crate) const FAREWELL: Duration = Duration::from_millis(500);

/// What the requests of one thread share.
pub(crate) struct Shard {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connector: Connector,
    pub(crate) pool: Rc<Pool>,
    pub(crate) recorder: Recorder,
    pub(crate) watches: Watches,
    pub(crate) models: RefCell<ModelLists>,
    pub(crate) clock: Clock,
    /// Makes the names of answers.
    pub(crate) keys: RefCell<Keys>,
    random: Cell<u64>,
}

impl Shard {
    /// With a bell, connections ring it: the shard is not on a thread of its own that waits for them.
    pub(crate) fn new(
        shared: Arc<Shared>,
        recorder: Recorder,
        seed: u64,
        bell: Option<Arc<Bell>>,
    ) -> Rc<Self> {
        let connector = Connector::new(&shared.tls, bell);
        Rc::new(Self {
            shared,
            connector,
            pool: Rc::default(),
            recorder,
            watches: Watches::default(),
            models: RefCell::default(),
            clock: Clock::now(),
            keys: RefCell::default(),
            random: Cell::new(seed),
        })
    }

    /// The next number of this thread's own generator (splitmix64): for weights and ids, not for secrets.
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Ends client connections whose clock ran out.
    pub(crate) fn sweep_clients(&self) {
        let mut limits = self.shared.snapshot.load().limits;
        if self.shared.draining.load(Relaxed) {
            limits.client_keepalive = limits.client_keepalive.min(FAREWELL);
        }
        self.watches.sweep(Instant::now(), &limits);
    }

    /// What is done about once in a while: clocks of clients, idle connections, records that wait for room.
    pub(crate) async fn housekeeping(self: Rc<Self>) {
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = 0u32;
        loop {
            tick.tick().await;
            count = count.wrapping_add(1);
            self.recorder.flush();
            self.sweep_clients();
            if count.is_multiple_of(4) {
                self.pool.sweep();
                let shard = Rc::clone(&self);
                // A resolver may take its time, and the clocks must not wait for it.
                tokio::task::spawn_local(async move { shard.connector.refresh(&shard.pool).await });
            }
            if count % 4 == 1 {
                keep_warm(&self);
            }
        }
    }
}

/// What a shard runs on.
pub(crate) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("fg-resolve")
        .max_blocking_threads(4)
        .build()
}

/// Wall time from the monotonic clock, so that a record costs one reading.
pub(crate) struct Clock {
    origin: Cell<(Instant, Duration)>,
}

impl Clock {
    fn now() -> Self {
        Self { origin: Cell::new(Self::read()) }
    }

    fn read() -> (Instant, Duration) {
        (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Unix milliseconds of a moment; follows changes of the wall clock within a second.
    pub(crate) fn unix_ms(&self, moment: Instant) -> u64 {
        let (mut instant, mut wall) = self.origin.get();
        if moment.saturating_duration_since(instant) > Duration::from_secs(1) {
            (instant, wall) = Self::read();
            self.origin.set((instant, wall));
        }
        let wall =
            if moment >= instant { wall + (moment - instant) } else { wall.saturating_sub(instant - moment) };
        u64::try_from(wall.as_millis()).unwrap_or(0)
    }
}

/// Runs hyper's HTTP/2 tasks on this thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}
