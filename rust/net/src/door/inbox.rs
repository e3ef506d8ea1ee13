//! The queue between one event loop and the engine.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use super::bell::Bell;
use super::fed::Fed;
use super::home::Address;
use super::job::Job;
use super::message::{Reading, read};
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
    /// Status, and the header lines with the first bytes behind them: the answer to a whole message. More follows.
    Opened = 7,
    /// The end, and the end of the connection.
    Last = 8,
}

impl Kind {
    /// Whether nothing follows.
    fn is_end(self) -> bool {
        matches!(self, Self::Whole | Self::Encoded | Self::End | Self::Cut | Self::Last)
    }
}

/// What an answer looks like when it is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Status, headers and bytes.
    Parts,
    /// The same, but a whole answer is one piece of HTTP/1.1.
    WholeEncoded,
    /// HTTP/1.1 from the header lines on.
    Encoded,
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
    alarm: Alarm,
}

/// How the loop is woken.
#[derive(Debug)]
enum Alarm {
    Signal(Signal),
    Bell(Arc<Bell>),
}

impl Ready {
    pub(super) fn push(&self, completion: Completion) {
        lock(&self.waiting).push(completion);
        match &self.alarm {
            Alarm::Signal(signal) => signal.raise(),
            Alarm::Bell(bell) => bell.ring(),
        }
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
pub(crate) struct Calls {
    pending: Mutex<HashMap<u64, Pending>>,
    stopped: AtomicBool,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Pending>> {
        lock(&self.pending)
    }

    /// The engine takes no more requests, and does none.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, SeqCst);
        self.wake();
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
    way: Way,
    ready: Arc<Ready>,
    pending: Arc<Calls>,
    next_ticket: AtomicU64,
}

/// Who runs the requests.
enum Way {
    /// The engine threads, in turn.
    Threads(Commands, AtomicUsize),
    /// The loop's own thread.
    Here(Address),
}

impl Inbox {
    /// Requests run on the engine threads.
    pub(crate) fn elsewhere(commands: Commands) -> io::Result<Self> {
        Ok(Self::new(Way::Threads(commands, AtomicUsize::new(0)), Alarm::Signal(Signal::new()?)))
    }

    /// Requests run at this address, which is on the thread of the loop.
    pub(crate) fn here(address: Address) -> Self {
        let alarm = Alarm::Bell(Arc::clone(&address.bell));
        Self::new(Way::Here(address), alarm)
    }

    fn new(way: Way, alarm: Alarm) -> Self {
        Self {
            way,
            ready: Arc::new(Ready { waiting: Mutex::default(), alarm }),
            pending: Arc::default(),
            next_ticket: AtomicU64::new(1),
        }
    }

    /// What the engine keeps of this queue.
    pub(crate) fn calls(&self) -> Weak<Calls> {
        Arc::downgrade(&self.pending)
    }

    /// Readable when there is something to drain.
    pub fn descriptor(&self) -> RawFd {
        match &self.ready.alarm {
            Alarm::Signal(signal) => signal.descriptor(),
            Alarm::Bell(bell) => bell.descriptor(),
        }
    }

    /// Whether the loop must drain after each submission, and from time to time.
    pub fn is_here(&self) -> bool {
        matches!(self.way, Way::Here(_))
    }

    /// Hands a request to the engine; returns its ticket.
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
        let form = if submission.encoded { Form::WholeEncoded } else { Form::Parts };
        self.begin(head, body, fed, slot, form)
    }

    /// Hands in a request that stands whole in these bytes and has a head of at most so many; its answer is HTTP/1.1
    /// from the header lines on. None where it is not such a request, and 0 where the end of its body has not come yet:
    /// nothing was done about it.
    pub fn take(&self, message: &Bytes, most_head: usize) -> Option<u64> {
        let Reading::Whole(head, body) = read(message, most_head)? else { return Some(0) };
        let slot = Arc::new(Slot::new(self.next_ticket.fetch_add(1, Relaxed), Arc::clone(&self.ready)));
        self.begin(head, InboundBody::Whole(body), None, slot, Form::Encoded).ok()
    }

    fn begin(
        &self,
        head: http::request::Parts,
        body: InboundBody,
        fed: Option<Fed>,
        slot: Arc<Slot>,
        form: Form,
    ) -> Result<u64, String> {
        let ticket = slot.ticket;
        let home = self.descriptor();
        let job = Job { slot: Arc::clone(&slot), head, body, form, submitted: Instant::now(), home };
        self.pending.lock().insert(ticket, Pending { slot, fed });
        let sent = !self.pending.stopped.load(SeqCst)
            && match &self.way {
                Way::Here(address) => address.begin(job),
                Way::Threads(commands, next) => {
                    let shard = next.fetch_add(1, Relaxed) % commands.len().max(1);
                    commands
                        .get(shard)
                        .is_some_and(|commands| commands.send(Command::Job(Box::new(job))).is_ok())
                }
            };
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

    /// All completions that wait. `news` tells that the descriptor may be readable.
    pub fn drain(&self, news: bool) -> Vec<Completion> {
        if let Alarm::Signal(signal) = &self.ready.alarm {
            signal.lower();
        }
        if let Way::Here(address) = &self.way {
            if self.pending.stopped.load(SeqCst) {
                self.close();
            } else {
                address.turn(news);
            }
        }
        let completions = std::mem::take(&mut *lock(&self.ready.waiting));
        let mut pending = self.pending.lock();
        for completion in &completions {
            if completion.kind.is_end() {
                pending.remove(&completion.ticket);
            }
        }
        completions
    }

    /// What has come since the last bytes were sent, and whether it is the end; or None and a completion will follow.
    pub fn more(&self, ticket: u64) -> Option<(Kind, Bytes)> {
        let slot = self.pending.lock().get(&ticket).map(|pending| Arc::clone(&pending.slot))?;
        let more = slot.more();
        if more.as_ref().is_some_and(|(kind, _)| kind.is_end()) {
            self.pending.lock().remove(&ticket);
        }
        more
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
        if let Way::Here(address) = &self.way {
            // The requests see that their clients left, and say so in the log.
            address.turn(false);
            address.leave();
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
