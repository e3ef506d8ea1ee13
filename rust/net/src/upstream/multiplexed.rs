//! HTTP/2 connections to one provider: as many as the requests need.
//!
//! A provider says how many requests it takes on a connection at one time. What is more than that goes to another
//! connection instead of waiting for a stream to end, which may take minutes. Requests that come at once share the
//! connections that are being made for them.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::body::Outbound;
use super::stream::{Heard, Stream, Told};
use crate::shard::LocalExecutor;

/// Requests on one connection, whatever the provider allows: they share its window and its losses.
const STREAMS: usize = 100;
/// Connections to one provider from one thread. With all of them full, requests wait for a stream to end.
const CONNECTIONS: usize = 32;

/// What drives a connection: polled by its task, asked by everybody. None once it is over: it holds the end that
/// requests are sent to, so whoever kept it would let them wait for ever.
pub(super) type Connection =
    Rc<RefCell<Option<Pin<Box<http2::Connection<TokioIo<Stream>, Outbound, LocalExecutor>>>>>>;

/// One connection. A task of its own polls it.
#[derive(Clone)]
pub(crate) struct Multiplexed {
    pub(super) sender: http2::SendRequest<Outbound>,
    connection: Connection,
    load: Rc<Load>,
    heard: Heard,
    told: Told,
    born: Instant,
    peer: Option<IpAddr>,
}

/// The requests on one connection.
struct Load {
    active: Cell<usize>,
    idle_since: Cell<Instant>,
}

/// One request's place on a connection, given back when dropped.
pub(crate) struct Lease(Rc<Load>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

impl Multiplexed {
    /// A fresh connection. `told` is what it tells beside its answers.
    pub(super) fn new(
        sender: http2::SendRequest<Outbound>,
        connection: Connection,
        heard: Heard,
        told: Told,
        peer: Option<IpAddr>,
    ) -> Self {
        let now = Instant::now();
        let load = Rc::new(Load { active: Cell::new(0), idle_since: Cell::new(now) });
        Self { sender, connection, load, heard, told, born: now, peer }
    }

    /// Takes a place, whether there is room or not.
    pub(super) fn lease(&self) -> Lease {
        self.load.active.set(self.load.active.get() + 1);
        Lease(Rc::clone(&self.load))
    }

    fn active(&self) -> usize {
        self.load.active.get()
    }

    fn limit(&self) -> usize {
        let connection = self.connection.borrow();
        connection.as_ref().map_or(0, |connection| connection.current_max_send_streams().min(STREAMS))
    }

    /// It is closed, or takes no more requests; those on it end in peace.
    fn is_leaving(&self) -> bool {
        self.told.leaving.get() || self.sender.is_closed()
    }

    /// The provider has said how many requests it takes.
    fn is_settled(&self) -> bool {
        self.heard.get()
    }
}

/// What a request is to do.
pub(super) enum Next {
    /// Send here.
    Use(Multiplexed),
    /// Wait, and ask again.
    Wait(OwnedNotified),
    /// Make a connection.
    Open,
}

/// All of them to one provider.
#[derive(Default)]
pub(super) struct Multiplex {
    connections: RefCell<Vec<Multiplexed>>,
    /// The provider has chosen HTTP/2 before.
    known: Cell<bool>,
    opening: Cell<usize>,
    waiting: Cell<usize>,
    opened: Arc<Notify>,
}

impl Multiplex {
    /// Where to send. `since` leaves out connections that are older.
    pub(super) fn next(&self, since: Option<Instant>) -> Next {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| !connection.is_leaving());
        let young = |connection: &&Multiplexed| since.is_none_or(|since| connection.born >= since);
        // The first with room, so that the last ones fall idle when there is less to do.
        if let Some(found) =
            connections.iter().filter(young).find(|connection| connection.active() < connection.limit())
        {
            return Next::Use(found.clone());
        }
        if !self.known.get() {
            return Next::Open;
        }
        if let Some(fresh) = connections.iter().filter(young).find(|connection| !connection.is_settled()) {
            return Next::Wait(Arc::clone(&fresh.told.progress).notified_owned());
        }
        let expected = connections.iter().map(Multiplexed::limit).max().unwrap_or(STREAMS).max(1);
        if self.waiting.get() + 1 < self.opening.get().saturating_mul(expected) {
            return Next::Wait(Arc::clone(&self.opened).notified_owned());
        }
        if connections.len() + self.opening.get() < CONNECTIONS {
            return Next::Open;
        }
        let least = connections.iter().filter(young).min_by_key(|connection| connection.active());
        match least {
            Some(least) => Next::Use(least.clone()),
            None if self.opening.get() > 0 => Next::Wait(Arc::clone(&self.opened).notified_owned()),
            None => Next::Open,
        }
    }

    /// Notes that the provider has chosen HTTP/1.1.
    pub(super) fn forget(&self) {
        self.known.set(false);
    }

    /// Makes a connection available to all.
    pub(super) fn share(&self, connection: Multiplexed) {
        self.known.set(true);
        self.connections.borrow_mut().push(connection);
    }

    /// Sends no more requests to addresses that are gone.
    pub(super) fn retire(&self, is_gone: impl Fn(IpAddr) -> bool) {
        for connection in self.connections.borrow().iter() {
            if connection.peer.is_some_and(&is_gone) {
                connection.told.leaving.set(true);
            }
        }
    }

    /// How many there are, and are being made.
    pub(super) fn len(&self) -> usize {
        self.connections.borrow().len() + self.opening.get()
    }

    /// Drops connections that closed, or on which nothing has been sent for `idle`; false where nothing is left.
    pub(super) fn sweep(&self, idle: Duration) -> bool {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| {
            let is_idle = connection.active() == 0 && connection.load.idle_since.get().elapsed() >= idle;
            !connection.is_leaving() && !is_idle
        });
        !connections.is_empty() || self.opening.get() + self.waiting.get() > 0
    }

    /// Counts a connection that is being made; those who wait for it are woken when this is dropped.
    pub(super) fn opening(self: &Rc<Self>) -> Opening {
        self.opening.set(self.opening.get() + 1);
        Opening(Rc::clone(self))
    }

    /// Waits as one of those who wait.
    pub(super) async fn wait(&self, notified: OwnedNotified) {
        let _waiting = Waiting::new(&self.waiting);
        notified.await;
    }
}

/// A connection that is being made.
pub(super) struct Opening(Rc<Multiplex>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.opening.set(self.0.opening.get() - 1);
        self.0.opened.notify_waiters();
    }
}

struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
