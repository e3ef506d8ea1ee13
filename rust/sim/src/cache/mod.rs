//! Caches on traces: the store of `core` beside what it is measured by.
//!
//! All count the same bytes for an entry. [`Policy::Frequency`] knows how often each key was asked for since the start,
//! entries that are gone included, which no cache can afford; on a trace whose odds never change it is the best that can
//! be done without seeing the future. [`Policy::Oracle`] sees the future.

mod oracle;
mod rivals;
mod trace;

use ferrogate_core::cache::key::{Form, Key};
use ferrogate_core::cache::store::{Entry, Settings, Shape, Store};

pub use trace::{Sizes, Trace};

/// Who decides what stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The gateway's own store.
    Own,
    /// The one used longest ago goes.
    Recency,
    /// The one asked for least since the start goes, or does not come in.
    Frequency,
    /// The same a byte.
    Density,
    /// S3-FIFO: three queues (Yang and others, SOSP 2023).
    Queues,
    /// The one that is needed again last, weighed by its size, goes, or does not come in.
    Oracle,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Own, Self::Recency, Self::Frequency, Self::Density, Self::Queues, Self::Oracle];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Recency => "LRU",
            Self::Frequency => "LFU",
            Self::Density => "LFU/byte",
            Self::Queues => "S3-FIFO",
            Self::Oracle => "oracle",
        }
    }

    /// The share of a trace's requests that are answered from `bytes`, the first `warm` ones not counted.
    pub fn hit_rate(self, trace: &Trace, bytes: usize, warm: usize) -> f64 {
        let hits = match self {
            Self::Own => own(trace, bytes, warm),
            Self::Recency => rivals::recency(trace, bytes, warm),
            Self::Frequency => rivals::frequency(trace, bytes, warm, |_| 1.0),
            Self::Density => rivals::frequency(trace, bytes, warm, rivals::size),
            Self::Queues => rivals::queues(trace, bytes, warm),
            Self::Oracle => oracle::run(trace, bytes, warm),
        };
        #[expect(clippy::cast_precision_loss, reason = "counts of a trace")]
        let rate = hits as f64 / (trace.requests.len() - warm) as f64;
        rate
    }
}

fn own(trace: &Trace, bytes: usize, warm: usize) -> usize {
    let store = Store::new(&Settings { bytes, stale: 0 });
    let mut hits = 0;
    for (at, &number) in trace.requests.iter().enumerate() {
        let key = key(number);
        if store.get(&key, 0).is_some() {
            hits += usize::from(at >= warm);
        } else {
            store.put(&key, trace.entry(number), 0);
        }
    }
    hits
}

/// A digest of a number.
pub fn key(number: u32) -> Key {
    let mut random = crate::random::Random::of(&[u64::from(number)]);
    let mut bytes = [0; 32];
    for byte in &mut bytes {
        *byte = u8::try_from(random.below(256)).unwrap_or(0);
    }
    Key::from_bytes(bytes)
}

/// An answer of so many bytes.
pub fn entry(body: Vec<u8>) -> Entry {
    Entry {
        tenant: "team".into(),
        form: Form::Chat,
        shape: Shape::Whole,
        body: body.into(),
        status: 200,
        content_type: "application/json".into(),
        model: "gpt-4o-mini".into(),
        provider: "openai".into(),
        finish: Some("stop".into()),
        usage: None,
        route: "".into(),
        preview: "How do I reset my password?".into(),
        ttl: 1,
        question: None,
    }
}
