//! A shard on the thread of the event loop that asks it: no thread is woken for a request, nor for its answer.
//!
//! The loop turns the shard when a request was handed in, when the bell has rung, and from time to time, because the bell
//! does not ring for timers. A turn never waits. A home belongs to its thread and is found by its number there.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use tokio::runtime::Runtime;
use tokio::task::{LocalSet, yield_now};

use super::bell::{Bell, Hearing};
use super::job::Job;
use crate::observe::Recorder;
use crate::shard::{Shard, runtime};
use crate::shared::Shared;

/// Tasks that wake each other are run so often before the kernel is asked for news, and the loop has its turn after
/// as many of these.
const ROUNDS: usize = 8;

thread_local! {
    static HOMES: RefCell<Homes> = const { RefCell::new(Homes(Vec::new())) };
}

struct Homes(Vec<(u64, Rc<Home>)>);

struct Home {
    local: RefCell<LocalSet>,
    shard: Rc<Shard>,
    runtime: Option<Runtime>,
    hearing: Hearing,
    bell: Arc<Bell>,
    waker: Waker,
    process: u32,
}

/// Where a home is, for threads that are not its own as well.
#[derive(Debug)]
pub(crate) struct Address {
    number: u64,
    pub(super) bell: Arc<Bell>,
}

impl Address {
    /// Starts a shard on this thread.
    pub(crate) fn settle(shared: Arc<Shared>, recorder: Recorder, seed: u64) -> io::Result<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let (bell, hearing) = Bell::new()?;
        let home = Home {
            local: RefCell::default(),
            shard: Shard::new(shared, recorder, seed, Some(Arc::clone(&bell))),
            runtime: Some(runtime()?),
            hearing,
            waker: Waker::from(Arc::clone(&bell)),
            bell,
            process: std::process::id(),
        };
        let bell = Arc::clone(&home.bell);
        home.bell.attend();
        home.spawn(Rc::clone(&home.shard).housekeeping());
        home.bell.depart();
        let number = NUMBERS.fetch_add(1, Relaxed);
        HOMES.with_borrow_mut(|homes| homes.0.push((number, Rc::new(home))));
        Ok(Self { number, bell })
    }

    fn home(&self) -> Option<Rc<Home>> {
        let found = HOMES.try_with(|homes| {
            let homes = homes.borrow();
            homes.0.iter().find(|(number, _)| *number == self.number).map(|(_, home)| Rc::clone(home))
        });
        found.ok().flatten()
    }

    /// Begins a request at the next turn, which the caller sees to; false where there is no home any more.
    pub(super) fn begin(&self, job: Job) -> bool {
        let Some(home) = self.home() else { return false };
        // The turn that the caller sees to looks for it.
        home.bell.attend();
        home.spawn(job.run(Rc::clone(&home.shard)));
        true
    }

    /// Has everything run that can; `news` asks the kernel and the timers first.
    pub(super) fn turn(&self, news: bool) {
        if let Some(home) = self.home() {
            home.turn(news);
        }
    }

    /// Ends the shard. What runs is settled as cancelled.
    pub(super) fn leave(&self) {
        end(|number, _| number == self.number);
    }
}

/// Ends the homes of an engine that are on this thread.
pub(crate) fn vacate(shared: &Arc<Shared>) {
    end(|_, home| Arc::ptr_eq(&home.shard.shared, shared));
}

fn end(is_meant: impl Fn(u64, &Home) -> bool) {
    // They are dropped when nothing is borrowed any more.
    let taken = HOMES.try_with(|homes| {
        let homes = &mut homes.borrow_mut().0;
        let (taken, left) = homes.drain(..).partition(|(number, home)| is_meant(*number, home));
        *homes = left;
        Homes(taken)
    });
    drop(taken);
}

impl Drop for Homes {
    fn drop(&mut self) {
        for (_, home) in self.0.drain(..) {
            if !home.is_here() {
                // A forked child shares the kernel's lists of sockets with its parent: closing these here would take
                // the parent's off.
                std::mem::forget(home);
            }
        }
    }
}

impl Home {
    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.local.borrow().spawn_local(task);
    }

    fn turn(&self, news: bool) {
        let Some(runtime) = &self.runtime else { return };
        self.bell.attend();
        if news {
            self.hearing.hear();
        }
        runtime.block_on(async {
            if news {
                // Has tokio look at its sockets and timers, without waiting.
                yield_now().await;
            }
            self.bell.is_woken();
            for round in 1..=ROUNDS * ROUNDS {
                self.poll();
                if !self.bell.is_woken() {
                    return;
                }
                if round % ROUNDS == 0 {
                    yield_now().await;
                }
            }
            self.bell.ring();
        });
        self.bell.depart();
    }

    fn poll(&self) {
        let mut local = self.local.borrow_mut();
        // Never ready: the housekeeping does not end.
        let _: Poll<()> = Pin::new(&mut *local).poll(&mut Context::from_waker(&self.waker));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Tasks that are left hold their tickets: they are settled as cancelled here, before the ring goes.
        drop(self.local.take());
        self.shard.pool.clear();
        self.shard.recorder.flush();
        if let Some(runtime) = self.runtime.take() {
            // The loop does not wait for a resolver.
            runtime.shutdown_background();
        }
    }
}
