//! What tells an event loop that the shard on its thread has something to do.
//!
//! tokio does not show the descriptor that it waits on. So each socket of the shard is registered here a second time: the
//! kernel tells both of every change, and this one has a descriptor that an event loop can watch beside its own. What
//! changed is tokio's to find out. Wake-ups from other threads, such as the resolver's, ring too.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Wake;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

/// Looked at in one go; what is left makes the descriptor readable again.
const EVENTS: usize = 256;

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

/// The end that rings. Any thread may.
#[derive(Debug)]
pub(crate) struct Bell {
    descriptor: RawFd,
    registry: Registry,
    waker: Waker,
    /// A task can run.
    woken: AtomicBool,
    /// The loop's thread looks at `woken` before it waits again, so nobody need ring.
    attended: AtomicBool,
}

/// The end that an event loop watches.
#[derive(Debug)]
pub(super) struct Hearing {
    poll: RefCell<Poll>,
    events: RefCell<Events>,
}

impl Bell {
    pub(super) fn new() -> io::Result<(Arc<Self>, Hearing)> {
        let poll = Poll::new()?;
        let bell = Self {
            descriptor: poll.as_raw_fd(),
            registry: poll.registry().try_clone()?,
            waker: Waker::new(poll.registry(), WAKE)?,
            woken: AtomicBool::new(false),
            attended: AtomicBool::new(false),
        };
        let events = RefCell::new(Events::with_capacity(EVENTS));
        Ok((Arc::new(bell), Hearing { poll: RefCell::new(poll), events }))
    }

    /// Readable while something has changed.
    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// Rings whenever something changes about this socket, until it is closed.
    pub(crate) fn watch(&self, socket: &impl AsRawFd) -> io::Result<()> {
        let descriptor = socket.as_raw_fd();
        self.registry.register(&mut SourceFd(&descriptor), SOCKET, Interest::READABLE.add(Interest::WRITABLE))
    }

    /// Rings, unless the loop's thread looks anyway.
    pub(super) fn ring(&self) {
        if !self.woken.swap(true, SeqCst) && !self.attended.load(SeqCst) {
            // A bell that cannot be rung is heard at the loop's next tick.
            self.waker.wake().ok();
        }
    }

    /// The loop's thread will look before it waits.
    pub(super) fn attend(&self) {
        self.attended.store(true, SeqCst);
    }

    /// Whether a task can run since this was last asked.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.swap(false, SeqCst)
    }

    /// The loop's thread has looked for the last time. Whoever wakes a task from here on rings.
    pub(super) fn depart(&self) {
        self.attended.store(false, SeqCst);
        if self.is_woken() {
            self.ring();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl Hearing {
    /// Takes what rang.
    pub(super) fn hear(&self) {
        self.poll.borrow_mut().poll(&mut self.events.borrow_mut(), Some(Duration::ZERO)).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn is_readable(bell: &Bell) -> bool {
        let mut outer = Poll::new().unwrap();
        let descriptor = bell.descriptor();
        outer.registry().register(&mut SourceFd(&descriptor), Token(7), Interest::READABLE).unwrap();
        let mut events = Events::with_capacity(4);
        outer.poll(&mut events, Some(Duration::from_millis(100))).unwrap();
        events.iter().any(|event| event.token() == Token(7))
    }

    #[test]
    fn it_is_heard_until_it_is_taken_and_rings_for_sockets_and_for_wakes() {
        let (bell, hearing) = Bell::new().unwrap();
        assert!(!is_readable(&bell));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        bell.watch(&client).unwrap();
        hearing.hear();
        assert!(!is_readable(&bell), "writable was taken");
        server.write_all(b"x").unwrap();
        assert!(is_readable(&bell));
        hearing.hear();
        assert!(!is_readable(&bell), "an edge is heard once, whoever reads what came");
        let ringing = Arc::clone(&bell);
        std::thread::spawn(move || ringing.wake()).join().unwrap();
        assert!(is_readable(&bell));
    }

    #[test]
    fn it_is_silent_while_it_is_attended_and_rings_after_for_what_was_missed() {
        let (bell, _hearing) = Bell::new().unwrap();
        bell.attend();
        bell.ring();
        assert!(!is_readable(&bell));
        assert!(bell.is_woken() && !bell.is_woken());
        bell.ring();
        bell.depart();
        assert!(is_readable(&bell));
    }
}
