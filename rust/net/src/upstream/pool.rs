//! Idle connections of one engine thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ferrogate_core::snapshot::Target;
use hyper::client::conn::http2;

use super::body::Outbound;
use super::exchange::Link;

/// An idle connection is kept this long. Most providers' front ends keep theirs for longer.
const IDLE: Duration = Duration::from_secs(60);
/// Idle connections kept for one provider.
const IDLE_A_TARGET: usize = 1024;

#[derive(Default)]
struct Connections {
    idle: Vec<(Link, Instant)>,
    shared: Option<http2::SendRequest<Outbound>>,
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

    /// The HTTP/2 connection to `target`, where there is one.
    pub(super) fn shared(&self, target: &Target) -> Option<http2::SendRequest<Outbound>> {
        let targets = self.targets.borrow();
        let sender = targets.get(target)?.shared.as_ref()?;
        (!sender.is_closed()).then(|| sender.clone())
    }

    /// Takes a connection back.
    pub(super) fn put(&self, target: Arc<Target>, link: Link) {
        let mut targets = self.targets.borrow_mut();
        let idle = &mut targets.entry(target).or_default().idle;
        if idle.len() < IDLE_A_TARGET {
            idle.push((link, Instant::now()));
        }
    }

    /// Makes an HTTP/2 connection available to all.
    pub(super) fn share(&self, target: Arc<Target>, sender: http2::SendRequest<Outbound>) {
        self.targets.borrow_mut().entry(target).or_default().shared = Some(sender);
    }

    /// Drops connections that closed or have been idle for long. Called about once a second.
    pub(crate) fn sweep(&self) {
        self.targets.borrow_mut().retain(|_, connections| {
            connections.idle.retain_mut(|(link, since)| since.elapsed() < IDLE && link.is_open());
            if connections.shared.as_ref().is_some_and(http2::SendRequest::is_closed) {
                connections.shared = None;
            }
            !connections.idle.is_empty() || connections.shared.is_some()
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
