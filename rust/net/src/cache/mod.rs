//! Answers that are kept or shared: the store of `ferrogate-core`, and the calls that several clients wait for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ferrogate_core::cache::store::{Settings, Store};

mod flight;
mod flights;

pub(crate) use flight::{End, Flight, Head, Rider};
pub(crate) use flights::{Boarding, Flights};

/// What all engine threads have of it.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) store: Store,
    pub(crate) flights: Flights,
    joined: AtomicU64,
}

/// Past its TTL an answer may be served for as long as a route says, and no longer than this.
const STALE_MS: u64 = 7 * 86_400_000;

impl Cache {
    /// An empty one of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let store = Store::new(&Settings { bytes, stale: STALE_MS });
        Self { store, flights: Flights::default(), joined: AtomicU64::default() }
    }

    /// A request got another one's answer.
    pub(crate) fn joined(&self) {
        self.joined.fetch_add(1, Relaxed);
    }
}
