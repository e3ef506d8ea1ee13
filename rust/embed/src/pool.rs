//! A few threads that embed what is queued, behind everything else that wants the processor.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::{Embed, Error, Scratch, Vector};

/// How far the threads step back: the request path goes first. At 19 an embedding of 7 ms took more than 250 beside two
/// compilers.
const NICENESS: i32 = 10;

/// The queue has no room: the text was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the queue of texts to embed is full")
    }
}

impl std::error::Error for Full {}

type Callback = Box<dyn FnOnce(Result<Vector, Error>) + Send>;

enum Job {
    Text { text: Box<str>, callback: Callback },
    Other(Box<dyn FnOnce() + Send>),
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    ended: bool,
}

struct Shared {
    embedder: Arc<dyn Embed>,
    capacity: usize,
    queue: Mutex<Queue>,
    work: Condvar,
}

/// Threads with one queue. Dropping it ends them: texts in work are finished, callbacks of those that wait get
/// [`Error::Ended`], and the drop returns when the last thread has ended.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// At least one thread, named `fg-embed-N`, and on Linux of a niceness 10 above the process's; at most `queue` texts
    /// wait, those in work not counted. Errors: the system gives no thread.
    pub fn new(embedder: Arc<dyn Embed>, threads: usize, queue: usize) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { embedder, capacity: queue, queue: Mutex::default(), work: Condvar::new() });
        let mut pool = Self { shared, threads: Vec::new() };
        for index in 0..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let run = move || {
                step_back();
                shared.run();
            };
            pool.threads.push(thread::Builder::new().name(format!("fg-embed-{index}")).spawn(run)?);
        }
        Ok(pool)
    }

    /// Queue a text; never waits. The callback runs on a thread of the pool and should be short. It is called once, or
    /// dropped uncalled where the embedder panics.
    pub fn submit(
        &self,
        text: impl Into<Box<str>>,
        callback: impl FnOnce(Result<Vector, Error>) + Send + 'static,
    ) -> Result<(), Full> {
        self.add(Job::Text { text: text.into(), callback: Box::new(callback) })
    }

    /// Queue other work that should not hold up the path, such as a search; never waits. It is called once, or dropped
    /// uncalled where the pool ends.
    pub fn run(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        self.add(Job::Other(Box::new(work)))
    }

    fn add(&self, job: Job) -> Result<(), Full> {
        let mut queue = self.shared.queue();
        if queue.jobs.len() >= self.shared.capacity {
            return Err(Full);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.shared.work.notify_one();
        Ok(())
    }

    /// How many texts wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue().jobs.len()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.shared.embedder.id();
        out.debug_struct("Pool")
            .field("embedder", &id)
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let waiting = {
            let mut queue = self.shared.queue();
            queue.ended = true;
            std::mem::take(&mut queue.jobs)
        };
        self.shared.work.notify_all();
        for job in waiting {
            if let Job::Text { callback, .. } = job {
                call(callback, Err(Error::Ended));
            }
        }
        // A callback may hold the last reference to its own pool; that thread ends by itself.
        let own = thread::current().id();
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != own) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// No code of a job runs under this lock, so a panic leaves nothing half done.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut scratch = Scratch::default();
        while let Some(job) = self.next() {
            let (text, callback) = match job {
                Job::Text { text, callback } => (text, callback),
                Job::Other(work) => {
                    let _ = catch_unwind(AssertUnwindSafe(work));
                    continue;
                }
            };
            let embed = AssertUnwindSafe(|| self.embedder.embed(&text, &mut scratch));
            match catch_unwind(embed) {
                Ok(vector) => call(callback, vector),
                Err(_) => scratch = Scratch::default(),
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if queue.ended {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A callback that panics ends its own job only.
fn call(callback: Callback, vector: Result<Vector, Error>) {
    let _ = catch_unwind(AssertUnwindSafe(|| callback(vector)));
}

/// Lets every other thread go first. Elsewhere niceness belongs to the process.
fn step_back() {
    #[cfg(target_os = "linux")]
    #[expect(unsafe_code, reason = "the standard library knows no priorities")]
    // SAFETY: plain numbers go in. On Linux, nice() is the calling thread's own.
    let _ = unsafe { libc::nice(NICENESS) };
}

#[cfg(test)]
mod tests;
