//! What all engine threads see. Counters are relaxed atomics; the snapshot is swapped whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use arc_swap::ArcSwap;
use ferrogate_core::snapshot::Snapshot;
use rustls::ClientConfig;

use crate::observe::Metrics;

/// State of one engine.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) generation: AtomicU64,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) ready: AtomicBool,
    pub(crate) control: AtomicBool,
    pub(crate) draining: AtomicBool,
    pub(crate) drained: tokio::sync::Notify,
    pub(crate) in_flight: Count,
    pub(crate) connections: Count,
    pub(crate) buffered: Buffered,
}

/// One open connection; counted out when dropped.
pub(crate) struct OpenConnection(Arc<Shared>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.sub();
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
            snapshot,
            generation: AtomicU64::new(1),
            metrics: Arc::default(),
            tls,
            ready: AtomicBool::new(false),
            control: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            drained: tokio::sync::Notify::new(),
            in_flight: Count::default(),
            connections: Count::default(),
            buffered: Buffered::default(),
        }
    }

    /// Counts a client's connection in.
    pub(crate) fn open_connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.add();
        OpenConnection(Arc::clone(self))
    }

    /// Returns once the gateway drains.
    pub(crate) async fn wait_for_drain(&self) {
        let drained = self.drained.notified();
        let mut drained = std::pin::pin!(drained);
        drained.as_mut().enable();
        if !self.draining.load(Relaxed) {
            drained.await;
        }
    }

    /// Starts draining.
    pub(crate) fn drain(&self) {
        self.draining.store(true, std::sync::atomic::Ordering::SeqCst);
        self.drained.notify_waiters();
    }
}
