//! What a key has been through: the provider refused it, and all lanes of it are out until it is changed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Shared by the lanes of one key.
#[derive(Debug, Default)]
pub struct KeyHealth {
    refused: AtomicBool,
    value: AtomicU64,
}

impl KeyHealth {
    /// Whether the provider refused it.
    pub fn is_refused(&self) -> bool {
        self.refused.load(Relaxed)
    }

    pub(super) fn refuse(&self) {
        self.refused.store(true, Relaxed);
    }

    /// The key is what `fingerprint` stands for from now on: a changed one is given its chance again.
    pub fn is_now(&self, fingerprint: u64) {
        if self.value.swap(fingerprint, Relaxed) != fingerprint {
            self.refused.store(false, Relaxed);
        }
    }

    /// It works again: the provider answered with it, as when its billing was settled.
    pub fn restore(&self) {
        if self.is_refused() {
            self.refused.store(false, Relaxed);
        }
    }
}
