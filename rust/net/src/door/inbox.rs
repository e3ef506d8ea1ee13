//! The queue between one event loop and the engine.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use super::fed::Fed;
use super::job::Job;
use super::signal::Signal;
use super::slot::Slot;
use crate::engine::{Command, Commands};
use crate::request::InboundBody;

/// What a completion says. The numbers are the wire to Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Status, headers and the first bytes; more follows.
    Head = 0,
    /// Status, headers and the whole body.
    Whole = 1,
    /// More bytes.
    Chunk = 2,
    /// The end, in order.
    End = 3,
    /// The answer broke off: end the connection abnormally.
    Cut = 4,
    /// There is room for another part of the request's body.
    Room = 5,
    /// Status, and the header lines with the whole body behind them, as HTTP/1.1 has them: asked for by `encoded`.
    Encoded = 6,
}

/// Something that Python must act on.
#[derive(Debug)]
pub struct Completion {
    /// Whose.
    pub ticket: u64,
    /// What.
    pub kind: Kind,
    /// The answer's status, with `Head` and `Whole`.
    pub status: u16,
    /// The answer's headers, with `Head` and `Whole`.
    pub headers: Option<HeaderMap>,
    /// Bytes of the answer.
    pub bytes: Bytes,
}

/// Completions that wait for the loop.
#[derive(Debug)]
pub(super) struct Ready {
    waiting: Mutex<Vec<Completion>>,
    signal: Signal,
}

impl Ready {
    pub(super) fn push(&self, completion: Completion) {
        lock(&self.waiting).push(completion);
        self.signal.raise();
    }
}

/// A request as ASGI has it.
#[derive(Debug)]
pub struct Submission<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Percent-encoded, as it came.
    pub path: &'a [u8],
    /// Without `?`.
    pub query: &'a [u8],
    /// In order.
    pub headers: Vec<(&'a [u8], &'a [u8])>,
    /// The body's first part.
    pub body: Bytes,
    /// Whether parts follow.
    pub more: bool,
    /// Whether a whole answer may come as one piece of HTTP/1.1.
    pub encoded: bool,
}

struct Pending {
    slot: Arc<Slot>,
    fed: Option<Fed>,
}

/// The requests of one event loop that have not ended.
#[derive(Default)]
pub(crate) struct Calls(Mutex<HashMap<u64, Pending>>);

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Pending>> {
        lock(&self.0)
    }

    /// Has every request look at the engine's state.
    pub(crate) fn wake(&self) {
        for pending in self.lock().values() {
            pending.slot.wake();
        }
    }
}

/// One event loop's entrance to the engine.
pub struct Inbox {
    commands: Commands,
    ready: Arc<Ready>,
    pending: Arc<Calls>,
    next_ticket: AtomicU64,
    next_shard: AtomicUsize,
}

impl Inbox {
    pub(crate) fn new(commands: Commands) -> io::Result<Self> {
        Ok(Self {
            commands,
            ready: Arc::new(Ready { waiting: Mutex::default(), signal: Signal::new()? }),
            pending: Arc::default(),
            next_ticket: AtomicU64::new(1),
            next_shard: AtomicUsize::new(0),
        })
    }

    /// What the engine keeps of this queue.
    pub(crate) fn calls(&self) -> Weak<Calls> {
        Arc::downgrade(&self.pending)
    }

    /// Readable while completions wait.
    pub fn descriptor(&self) -> RawFd {
        self.ready.signal.descriptor()
    }

    /// Hands a request to an engine thread; returns its ticket.
    ///
    /// # Errors
    /// A request that is not HTTP, or an engine that has stopped.
    pub fn submit(&self, submission: Submission<'_>) -> Result<u64, String> {
        let ticket = self.next_ticket.fetch_add(1, Relaxed);
        let head = head(&submission)?;
        let slot = Arc::new(Slot::new(ticket, Arc::clone(&self.ready)));
        let length = head
            .headers
            .get(http::header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let (body, fed) = if submission.more {
            let room = Arc::clone(&slot);
            let fed = Fed::new(length, move || room.complete(Kind::Room, Bytes::new()));
            fed.feed(submission.body, true);
            (InboundBody::Fed(fed.clone()), Some(fed))
        } else {
            (InboundBody::Whole(submission.body), None)
        };
        let job = Job {
            slot: Arc::clone(&slot),
            head,
            body,
            encoded: submission.encoded,
            submitted: Instant::now(),
        };
        self.pending.lock().insert(ticket, Pending { slot, fed });
        let shard = self.next_shard.fetch_add(1, Relaxed) % self.commands.len().max(1);
        let sent = self
            .commands
            .get(shard)
            .is_some_and(|commands| commands.send(Command::Job(Box::new(job))).is_ok());
        if !sent {
            self.pending.lock().remove(&ticket);
            return Err("the engine has stopped".to_owned());
        }
        Ok(ticket)
    }

    /// Another part of a request's body; false where the caller must wait for a `Room` completion.
    pub fn feed(&self, ticket: u64, part: Bytes, more: bool) -> bool {
        let fed = self.pending.lock().get(&ticket).and_then(|pending| pending.fed.clone());
        fed.is_none_or(|fed| fed.feed(part, more))
    }

    /// All completions that wait.
    pub fn drain(&self) -> Vec<Completion> {
        self.ready.signal.lower();
        let completions = std::mem::take(&mut *lock(&self.ready.waiting));
        let mut pending = self.pending.lock();
        for completion in &completions {
            if matches!(completion.kind, Kind::Whole | Kind::Encoded | Kind::End | Kind::Cut) {
                pending.remove(&completion.ticket);
            }
        }
        completions
    }

    /// What has come since the last bytes were sent, or None and a completion will follow.
    pub fn more(&self, ticket: u64) -> Option<Bytes> {
        let slot = self.pending.lock().get(&ticket).map(|pending| Arc::clone(&pending.slot))?;
        slot.more()
    }

    /// The client left: the upstream is cancelled at once.
    pub fn cancel(&self, ticket: u64) {
        if let Some(pending) = self.pending.lock().remove(&ticket) {
            // In this order, so that a body that ends too early is a client that left.
            pending.slot.cancel();
            if let Some(fed) = &pending.fed {
                fed.break_off();
            }
        }
    }

    /// Cancels everything.
    pub fn close(&self) {
        let tickets: Vec<u64> = self.pending.lock().keys().copied().collect();
        for ticket in tickets {
            self.cancel(ticket);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn head(submission: &Submission<'_>) -> Result<http::request::Parts, String> {
    let mut target = submission.path.to_vec();
    if !submission.query.is_empty() {
        target.push(b'?');
        target.extend_from_slice(submission.query);
    }
    let mut request = Request::new(());
    *request.method_mut() =
        Method::from_bytes(submission.method.as_bytes()).map_err(|error| error.to_string())?;
    *request.uri_mut() = Uri::try_from(target).map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers.reserve(submission.headers.len());
    for (name, value) in &submission.headers {
        let name = HeaderName::from_bytes(name).map_err(|error| error.to_string())?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(|error| error.to_string())?);
    }
    Ok(request.into_parts().0)
}
