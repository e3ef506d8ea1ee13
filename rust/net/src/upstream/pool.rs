//! Idle connections of one engine thread.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_core::snapshot::Target;

use super::exchange::Link;
use super::multiplexed::Multiplex;

/// An idle connection is kept this long: less than the minute after which the first front ends close theirs.
const IDLE: Duration = Duration::from_secs(50);
/// After a failure so long no connection is made that nobody asked for.
const COLD: Duration = Duration::from_secs(10);
/// Idle connections kept for one provider.
const IDLE_A_TARGET: usize = 1024;

#[derive(Default)]
struct Connections {
    idle: Vec<(Link, Instant)>,
    multiplex: Rc<Multiplex>,
    /// Connections that are made before they are asked for, and when the next try may be.
    warming: usize,
    cold_until: Option<Instant>,
}

/// Connections by where they lead.
#[derive(Default)]
pub(crate) struct Pool {
    targets: RefCell<Targets>,
}

/// Few enough to be looked through, and most requests know theirs by its pointer. After a change of configuration a
/// target is another one that leads to the same place.
#[derive(Default)]
struct Targets(Vec<(Arc<Target>, Connections)>);

impl Targets {
    fn find(&mut self, target: &Arc<Target>) -> Option<&mut Connections> {
        let same = |(known, _): &(Arc<Target>, Connections)| Arc::ptr_eq(known, target);
        let at = self.0.iter().position(same).or_else(|| {
            let at = self.0.iter().position(|(known, _)| known == target)?;
            self.0[at].0 = Arc::clone(target);
            Some(at)
        })?;
        self.0.get_mut(at).map(|(_, connections)| connections)
    }

    fn of(&mut self, target: &Arc<Target>) -> &mut Connections {
        if self.find(target).is_none() {
            self.0.push((Arc::clone(target), Connections::default()));
        }
        let at = self.0.iter().position(|(known, _)| Arc::ptr_eq(known, target)).unwrap_or(self.0.len() - 1);
        &mut self.0[at].1
    }
}

impl Pool {
    /// The connection that was used last and is still open; those that closed meanwhile are dropped.
    pub(super) fn take(&self, target: &Arc<Target>, now: Instant) -> Option<Link> {
        let mut targets = self.targets.borrow_mut();
        let idle = &mut targets.find(target)?.idle;
        while let Some((mut link, since)) = idle.pop() {
            if now.saturating_duration_since(since) < IDLE && link.is_open() {
                return Some(link);
            }
        }
        None
    }

    /// The HTTP/2 connections to `target`.
    pub(super) fn multiplex(&self, target: &Arc<Target>) -> Rc<Multiplex> {
        Rc::clone(&self.targets.borrow_mut().of(target).multiplex)
    }

    /// Takes a connection back.
    pub(super) fn put(&self, target: &Arc<Target>, link: Link) {
        let mut targets = self.targets.borrow_mut();
        let idle = &mut targets.of(target).idle;
        if idle.len() < IDLE_A_TARGET {
            idle.push((link, Instant::now()));
        }
    }

    /// Drops connections that closed or have been idle for long. Called about once a second.
    pub(crate) fn sweep(&self) {
        self.targets.borrow_mut().0.retain_mut(|(_, connections)| {
            connections.idle.retain_mut(|(link, since)| since.elapsed() < IDLE && link.is_open());
            let shares = connections.multiplex.sweep(IDLE);
            shares
                || connections.warming > 0
                || !connections.idle.is_empty()
                || Rc::strong_count(&connections.multiplex) > 1
        });
    }

    /// The targets that are known by a name, and reached without a proxy.
    pub(super) fn named(&self) -> Vec<Arc<Target>> {
        let is_named = |target: &Target| {
            let reach = &target.reach;
            reach.proxy.is_none() && reach.addresses.is_empty() && !reach.dns_ttl.is_zero()
        };
        let targets = self.targets.borrow();
        targets.0.iter().map(|(target, _)| target).filter(|target| is_named(target)).map(Arc::clone).collect()
    }

    /// Lets go of connections to addresses that are gone, once their request is over.
    pub(super) fn retire(&self, target: &Arc<Target>, is_gone: impl Fn(IpAddr) -> bool) {
        if let Some(connections) = self.targets.borrow_mut().find(target) {
            connections.idle.retain(|(link, _)| !link.peer.is_some_and(&is_gone));
            connections.multiplex.retire(&is_gone);
        }
    }

    /// How many connections are to be made so that enough are there; they count as being made from now on.
    pub(super) fn warm(&self, target: &Arc<Target>, now: Instant) -> usize {
        let mut targets = self.targets.borrow_mut();
        let connections = targets.of(target);
        if connections.cold_until.is_some_and(|until| now < until) {
            return 0;
        }
        let there = connections.idle.len() + connections.warming;
        // One connection of HTTP/2 has room for many requests, and the first one tells whether it is one.
        let may_share = target.tls && target.http2 && connections.idle.is_empty();
        let missing = match connections.multiplex.len() {
            0 if may_share => 1_usize.saturating_sub(connections.warming),
            0 => target.reach.warm.saturating_sub(there),
            _ => 0,
        };
        connections.warming += missing;
        missing
    }

    /// One of them is there, or is not to be had for now.
    pub(super) fn warmed(&self, target: &Arc<Target>, failed_at: Option<Instant>) {
        let mut targets = self.targets.borrow_mut();
        let connections = targets.of(target);
        connections.warming = connections.warming.saturating_sub(1);
        connections.cold_until = failed_at.map(|at| at + COLD);
    }

    /// Closes everything that is idle.
    pub(crate) fn clear(&self) {
        self.targets.borrow_mut().0.clear();
    }
}

/// A pool that answers give their connection back to.
pub(crate) type SharedPool = Rc<Pool>;

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
