//! Wake-ups of an upstream connection, and which of them are for nothing.
//!
//! Whoever uses an HTTP/1.1 connection polls it, and takes what it brought in the same breath. hyper cannot know that:
//! each part of an answer that is taken wakes whoever polled the connection last, so that it reads on. That would have
//! the task polled a second time for each part of each answer, with nothing to do. And a connection that has nothing to
//! do until it is woken is not polled before.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Hands wake-ups of one connection on to the task that uses it. One thread touches it; a lock is what a waker asks for.
#[derive(Debug)]
pub(super) struct Latch {
    task: Mutex<Option<Waker>>,
    held: AtomicBool,
    /// It was woken since it was polled last, handed on or not.
    stirred: AtomicBool,
}

impl Latch {
    /// A connection that was never polled.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            task: Mutex::default(),
            held: AtomicBool::new(false),
            stirred: AtomicBool::new(true),
        })
    }

    /// Whether polling may bring anything; the poll is then to follow.
    pub(super) fn take_stir(&self) -> bool {
        self.stirred.swap(false, Relaxed)
    }

    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on wake-ups are for this task.
    pub(super) fn attend(&self, waker: &Waker) {
        let mut task = self.task();
        match &mut *task {
            Some(known) => known.clone_from(waker),
            None => *task = Some(waker.clone()),
        }
    }

    /// Nobody uses the connection; a task that has ended is not kept.
    pub(super) fn rest(&self) {
        *self.task() = None;
    }

    /// Does what wakes for nothing.
    pub(super) fn holding<T>(&self, work: impl FnOnce() -> T) -> T {
        self.held.store(true, Relaxed);
        let done = work();
        self.held.store(false, Relaxed);
        done
    }
}

impl Wake for Latch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.stirred.store(true, Relaxed);
        if !self.held.load(Relaxed)
            && let Some(task) = &*self.task()
        {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_wake_up_is_handed_on_unless_it_is_held_or_nobody_is_there() {
        let (count, latch) = (Arc::new(Count::default()), Latch::new());
        let waker = Waker::from(Arc::clone(&latch));
        waker.wake_by_ref();
        latch.attend(&Waker::from(Arc::clone(&count)));
        waker.wake_by_ref();
        latch.holding(|| waker.wake_by_ref());
        assert_eq!(count.0.load(Relaxed), 1);
        waker.wake_by_ref();
        latch.rest();
        waker.wake_by_ref();
        assert_eq!((count.0.load(Relaxed), Arc::strong_count(&count)), (2, 1));
    }

    #[test]
    fn a_wake_up_that_is_held_stirs_all_the_same() {
        let latch = Latch::new();
        let waker = Waker::from(Arc::clone(&latch));
        assert!(latch.take_stir(), "it was never polled");
        assert!(!latch.take_stir());
        latch.holding(|| waker.wake_by_ref());
        assert!(latch.take_stir());
    }
}
