//! Idle connections of one engine thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ferrogate_core::snapshot::Target;

use super::exchange::Link;
use super::multiplexed::Multiplex;

/// An idle connection is kept this long: less than the minute after which the first front ends close theirs.
const IDLE: Duration = Duration::from_secs(50);
/// Idle connections kept for one provider.
const IDLE_A_TARGET: usize = 1024;

#[derive(Default)]
struct Connections {
    idle: Vec<(Link, Instant)>,
    multiplex: Rc<Multiplex>,
}

/// Connections by where they lead.
#[derive(Default)]
pub(crate) struct Pool {
    targets: RefCell<HashMap<Arc<Target>, Connections>>,
}

impl Pool {
    /// The connection that was used last and is still open; those that closed meanwhile are dropped.
    pub(super) fn take(&self, target: &Target) -> Option<Link> {
        let mut targets = self.targets.borrow_mut();
        let idle = &mut targets.get_mut(target)?.idle;
        while let Some((mut link, since)) = idle.pop() {
            if since.elapsed() < IDLE && link.is_open() {
                return Some(link);
            }
        }
        None
    }

    /// The HTTP/2 connections to `target`.
    pub(super) fn multiplex(&self, target: &Arc<Target>) -> Rc<Multiplex> {
        let mut targets = self.targets.borrow_mut();
        if let Some(connections) = targets.get(target) {
            return Rc::clone(&connections.multiplex);
        }
        Rc::clone(&targets.entry(Arc::clone(target)).or_default().multiplex)
    }

    /// Takes a connection back.
    pub(super) fn put(&self, target: Arc<Target>, link: Link) {
        let mut targets = self.targets.borrow_mut();
        let idle = &mut targets.entry(target).or_default().idle;
        if idle.len() < IDLE_A_TARGET {
            idle.push((link, Instant::now()));
        }
    }

    /// Drops connections that closed or have been idle for long. Called about once a second.
    pub(crate) fn sweep(&self) {
        self.targets.borrow_mut().retain(|_, connections| {
            connections.idle.retain_mut(|(link, since)| since.elapsed() < IDLE && link.is_open());
            let shares = connections.multiplex.sweep(IDLE);
            shares || !connections.idle.is_empty() || Rc::strong_count(&connections.multiplex) > 1
        });
    }

    /// Closes everything that is idle.
    pub(crate) fn clear(&self) {
        self.targets.borrow_mut().clear();
    }
}

impl Link {
    /// Polls an idle connection once: a provider that closed it is noticed here, before a request is lost on it.
    fn is_open(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        matches!(self.poll(&mut cx), Poll::Pending) && self.is_ready()
    }
}

/// A pool that answers give their connection back to.
pub(crate) type SharedPool = Rc<Pool>;
