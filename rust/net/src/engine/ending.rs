//! How an engine stops serving: clients are sent away or handed over, and what runs has its time.

use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::{Command, Engine, lock};
use crate::shard::FAREWELL;

/// What is cut when a drain's time is over has this long to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Engine {
    /// Sends clients away: /readyz says so, and every answer from now on is the last one of its connection. New
    /// connections are still taken.
    pub fn leave(&self) {
        self.shared.leaving.store(true, SeqCst);
        self.wake();
    }

    /// Leaves the listening sockets and the control plane to the process that holds them too: nobody in their queues
    /// is lost. Clients that are here are served until they go.
    pub fn hand_over(&self, control: Option<&Path>) {
        self.leave();
        self.shared.control_socket.store(control.map(|path| Arc::new(path.to_owned())));
        self.close_listeners();
    }

    /// Returns when every engine thread has stopped accepting and counted in whom it accepted last.
    fn close_listeners(&self) {
        self.shared.close();
        lock(&self.listeners).clear();
        wait_until(LAST_WORDS, || self.shared.accepting.get() == 0);
    }

    /// Stops accepting and waits for running requests; true when all ended in time. What is left then is cut, and has
    /// been told so.
    ///
    /// Clients that are connected have a moment to bring a request that was on its way, the last one of their
    /// connection. Later ones are refused.
    pub fn drain(&self, limit: Duration) -> bool {
        self.leave();
        self.close_listeners();
        let farewell = FAREWELL.min(limit);
        if self.wait_for_end(farewell) {
            return true;
        }
        self.shared.draining.store(true, SeqCst);
        self.wake();
        if self.wait_for_end(limit.saturating_sub(farewell)) {
            return true;
        }
        let ended = self.shared.in_flight.get() == 0;
        self.shared.cutting.store(true, SeqCst);
        self.wake();
        self.wait_for_end(LAST_WORDS);
        ended
    }

    /// Has every connection and every request look at the engine's state.
    fn wake(&self) {
        for commands in self.commands().iter().flat_map(|commands| commands.iter()) {
            commands.send(Command::Wake).ok();
        }
        for calls in lock(&self.inboxes).iter().filter_map(Weak::upgrade) {
            calls.wake();
        }
    }

    fn wait_for_end(&self, limit: Duration) -> bool {
        wait_until(limit, || self.shared.in_flight.get() == 0 && self.shared.connections.get() == 0)
    }
}

fn wait_until(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let until = Instant::now() + limit;
    while !is_so() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(left.min(Duration::from_millis(5)));
    }
    true
}
