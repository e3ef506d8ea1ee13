//! The generator's threads: started together, stopped together, added up.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use crate::Error;
use crate::run::Load;
use crate::tally::Tally;
use crate::worker::{self, Plan};

/// What the threads are called, before their number.
pub(crate) const THREAD_NAME: &str = "fg-bench";

/// The generator's threads; dropping it ends them.
pub(crate) struct Crew {
    threads: Vec<JoinHandle<Result<Tally, Error>>>,
    stop: Vec<Arc<Notify>>,
    ended: Arc<AtomicUsize>,
    /// Threads whose work is over stay until these are dropped, so that their CPU can still be read.
    hold: Vec<Sender<()>>,
}

impl Crew {
    /// `opened` are connections to start with, if any.
    pub(crate) fn start(load: &Load<'_>, mut opened: Vec<TcpStream>) -> Result<Self, Error> {
        let options = load.options;
        let mut crew =
            Self { threads: Vec::new(), stop: Vec::new(), ended: Arc::default(), hold: Vec::new() };
        for index in 0..options.threads {
            let connections = share(options.connections, options.threads, index);
            let ready = opened.split_off(opened.len().saturating_sub(connections));
            let plan = Plan {
                target: load.target.clone(),
                stream: options.stream,
                rate: options.rate,
                requests: share(options.requests, options.threads, index),
                connections,
                index,
                threads: options.threads,
                start: load.start,
                measure_from: load.measure_from,
                until: load.until,
                timeout: Duration::from_millis(options.timeout_ms),
                drain: Duration::from_millis(options.drain_ms),
            };
            let (live, stop) = (load.live.clone(), Arc::new(Notify::new()));
            crew.stop.push(stop.clone());
            let (hold, release) = channel::<()>();
            crew.hold.push(hold);
            let ended = crew.ended.clone();
            let thread = std::thread::Builder::new()
                .name(format!("{THREAD_NAME}-{index}"))
                .spawn(move || {
                    let outcome = worker::run(plan, ready, live, &stop);
                    ended.fetch_add(1, Ordering::Release);
                    let _dropped = release.recv();
                    outcome
                })
                .map_err(|error| Error::Generator(format!("no thread for the generator: {error}")))?;
            crew.threads.push(thread);
        }
        Ok(crew)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.ended.load(Ordering::Acquire) == self.threads.len()
    }

    fn stop(&mut self) {
        self.hold.clear();
        for stop in &self.stop {
            stop.notify_one();
        }
    }

    /// End what still runs and add up; the first error of a thread is the run's.
    pub(crate) fn join(mut self) -> Result<Tally, Error> {
        self.stop();
        let mut sum: Option<Tally> = None;
        for thread in std::mem::take(&mut self.threads) {
            let tally = thread.join().map_err(|_| Error::Generator("a generator thread died".into()))??;
            match &mut sum {
                Some(sum) => sum.add(tally),
                None => sum = Some(tally),
            }
        }
        sum.ok_or_else(|| Error::Generator("no generator thread ran".into()))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}

/// How many of `total` belong to part `index` of `parts`.
fn share(total: usize, parts: usize, index: usize) -> usize {
    total / parts + usize::from(index < total % parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_shared_out_whole() {
        let shares: Vec<_> = (0..3).map(|index| share(8, 3, index)).collect();
        assert_eq!(shares, [3, 3, 2]);
    }
}
