//! What all engine threads see. Counters are relaxed atomics; the snapshot is swapped whole.

use std::path::PathBuf;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};
use ferrogate_core::snapshot::Snapshot;
use rustls::ClientConfig;

use crate::cache::Cache;
use crate::hooks::Hooks;
use crate::observe::Metrics;

/// State of one engine.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// Snapshots that somebody may still hold, the one in force among them.
    published: Mutex<Vec<Weak<Snapshot>>>,
    pub(crate) generation: AtomicU64,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tls: Arc<ClientConfig>,
    /// What the native listener shows; none without TLS.
    pub(crate) listener_tls: ArcSwapOption<rustls::ServerConfig>,
    pub(crate) ready: AtomicBool,
    pub(crate) control: AtomicBool,
    /// Where the control plane listens.
    pub(crate) control_socket: ArcSwapOption<PathBuf>,
    /// Clients are asked to go: every answer is the last one of its connection.
    pub(crate) leaving: AtomicBool,
    /// New requests are refused.
    pub(crate) draining: AtomicBool,
    /// What still runs is cut.
    pub(crate) cutting: AtomicBool,
    closed: AtomicBool,
    closing: tokio::sync::Notify,
    pub(crate) in_flight: Count,
    pub(crate) connections: Count,
    pub(crate) accepting: Count,
    pub(crate) buffered: Buffered,
    pub(crate) cache: Cache,
    pub(crate) hooks: Hooks,
}

/// One open connection; counted out when dropped.
pub(crate) struct OpenConnection(Arc<Shared>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.sub();
    }
}

/// One loop that accepts clients; counted out when dropped.
pub(crate) struct Accepting(Arc<Shared>);

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.accepting.sub();
    }
}

/// A number of things that come and go.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(crate) fn sub(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Bytes of request bodies in memory.
#[derive(Debug, Default)]
pub(crate) struct Buffered(AtomicUsize);

impl Buffered {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// A share of the bound on buffered bodies; given back when dropped.
pub(crate) struct Reserved {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Reserved {
    /// A share of nothing.
    pub(crate) fn none(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), bytes: 0 }
    }

    /// Grows the share to `bytes`; false where the bound does not allow it.
    pub(crate) fn grow_to(&mut self, bytes: usize, bound: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let before = self.shared.buffered.0.fetch_add(more, Relaxed);
        self.bytes += more;
        before + more <= bound
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.shared.buffered.0.fetch_sub(self.bytes, Relaxed);
    }
}

impl Shared {
    pub(crate) fn new(snapshot: ArcSwap<Snapshot>, tls: Arc<ClientConfig>) -> Self {
        Self {
            published: Mutex::new(vec![Arc::downgrade(&snapshot.load())]),
            cache: Cache::new(usize::try_from(snapshot.load().cache_bytes).unwrap_or(usize::MAX)),
            snapshot,
            generation: AtomicU64::new(1),
            metrics: Arc::default(),
            tls,
            listener_tls: ArcSwapOption::empty(),
            ready: AtomicBool::new(false),
            control: AtomicBool::new(false),
            control_socket: ArcSwapOption::empty(),
            leaving: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            cutting: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            closing: tokio::sync::Notify::new(),
            in_flight: Count::default(),
            connections: Count::default(),
            accepting: Count::default(),
            buffered: Buffered::default(),
            hooks: Hooks::default(),
        }
    }

    /// Counts a loop in that accepts clients.
    pub(crate) fn open_listener(self: &Arc<Self>) -> Accepting {
        self.accepting.add();
        Accepting(Arc::clone(self))
    }

    /// Counts a client's connection in.
    pub(crate) fn open_connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.add();
        OpenConnection(Arc::clone(self))
    }

    /// Swaps a snapshot in. Requests that run keep theirs alive.
    pub(crate) fn publish(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.retain(|old| old.strong_count() > 0);
        published.push(Arc::downgrade(&snapshot));
        self.snapshot.store(snapshot);
    }

    /// How many snapshots are in memory.
    pub(crate) fn live_snapshots(&self) -> usize {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.iter().filter(|snapshot| snapshot.strong_count() > 0).count()
    }

    /// Returns once no more clients are to be accepted.
    pub(crate) async fn wait_for_close(&self) {
        let closing = self.closing.notified();
        let mut closing = std::pin::pin!(closing);
        closing.as_mut().enable();
        if !self.closed.load(SeqCst) {
            closing.await;
        }
    }

    /// Ends the accepting of clients.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
        self.closing.notify_waiters();
    }

    /// Whether the answer that is being made is the last one of its connection.
    pub(crate) fn says_goodbye(&self) -> bool {
        self.leaving.load(Relaxed)
    }
}
