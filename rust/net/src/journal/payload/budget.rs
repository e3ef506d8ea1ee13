//! One bound on all bytes of bodies that are on their way to the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many bytes may be held, and how many are.
#[derive(Debug)]
pub struct Budget {
    bound: usize,
    held: AtomicUsize,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self { bound, held: AtomicUsize::new(0) })
    }

    /// Bytes that are held at the moment.
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// A share of nothing.
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }
}

/// A share of the budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// Grow by so many bytes; false where the budget does not allow it, and then nothing changed.
    pub fn grow(&mut self, more: usize) -> bool {
        let before = self.budget.held.fetch_add(more, Relaxed);
        if before + more > self.budget.bound {
            self.budget.held.fetch_sub(more, Relaxed);
            return false;
        }
        self.bytes += more;
        true
    }

    /// Whether an eighth of the budget is held, so that it pays to take little.
    pub fn is_short(&self) -> bool {
        self.budget.held() > self.budget.bound / 8
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Relaxed);
    }
}
