//! The engine: threads, lanes, journal, and the snapshot that they serve by.

mod cache;
mod carry;
mod ending;
mod lanes;
mod told;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use ferrogate_core::balance::LaneTables;
use ferrogate_core::snapshot::{Rejected, Snapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

pub use crate::cache::CacheStats;
pub use cache::{CacheItem, CachePage, Which};
pub use carry::{Carried, Refused};
pub use lanes::LaneStatus;

use crate::cache::{Keeper, unix_ms};
use crate::clock;
use crate::door::{Address, Calls, Inbox, Job, vacate};
use crate::hooks::HookSpec;
use crate::journal::{Batch, Figures, Journal, Options as JournalOptions, Reader};
use crate::observe::{Recorder, Totals};
use crate::server::{self, ControlPlane};
use crate::shard::{Shard, runtime};
use crate::shared::Shared;
use crate::upstream::tls_config;

/// How an engine runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Engine threads; 0 stands for one a core.
    pub workers: usize,
    /// The journal's folder; none keeps no records.
    pub journal: Option<PathBuf>,
    /// The folder of the payloads; none keeps none, and so does an engine without a journal.
    #[serde(default)]
    pub payloads: Option<PathBuf>,
    /// The folder in which kept answers outlive the process; without it they do not.
    #[serde(default)]
    pub cache: Option<PathBuf>,
}

/// What can be told to an engine thread. Requests are bounded by the door that hands them in.
pub(crate) enum Command {
    /// Accept clients here.
    Listen(TcpListener),
    /// Look at the engine's state again.
    Wake,
    /// Serve a request of the ASGI door.
    Job(Box<Job>),
    /// End.
    Stop,
}

/// In place of the index of an engine thread.
const HERE: usize = usize::MAX;

/// The engine threads' ears.
pub(crate) type Commands = Arc<[UnboundedSender<Command>]>;

struct Running {
    commands: Commands,
    threads: Vec<JoinHandle<()>>,
    journal: Option<Journal>,
    keeper: Keeper,
}

/// One gateway.
pub struct Engine {
    shared: Arc<Shared>,
    lanes: Mutex<LaneTables>,
    options: Options,
    running: Mutex<Option<Running>>,
    reader: Mutex<Option<Arc<Reader>>>,
    listeners: Mutex<Vec<TcpListener>>,
    inboxes: Mutex<Vec<Weak<Calls>>>,
    process: u32,
}

/// What `status` says.
#[derive(Debug, Serialize)]
pub struct Status {
    generation: u64,
    in_flight: usize,
    connections: usize,
    buffered_bytes: usize,
    leaving: bool,
    draining: bool,
    snapshots: usize,
    threads: usize,
    /// Threads of hooks, those that hang included.
    hook_threads: usize,
    journal: Option<JournalStatus>,
}

#[derive(Debug, Serialize)]
struct JournalStatus {
    #[serde(flatten)]
    figures: Figures,
    failure: Option<String>,
}

impl Engine {
    /// Compiles a snapshot; nothing runs yet.
    pub fn new(snapshot: &[u8], options: Options) -> Result<Self, Rejected> {
        let mut lanes = LaneTables::default();
        let snapshot = Snapshot::compile(snapshot, &mut lanes)?;
        let tls = tls_config().map_err(|error| Rejected(error.to_string()))?;
        let shared = Shared::new(ArcSwap::from_pointee(snapshot), Arc::new(tls));
        let engine = Self {
            shared: Arc::new(shared),
            lanes: Mutex::new(lanes),
            options,
            running: Mutex::default(),
            reader: Mutex::default(),
            listeners: Mutex::default(),
            inboxes: Mutex::default(),
            process: std::process::id(),
        };
        engine.know_providers();
        Ok(engine)
    }

    fn know_providers(&self) {
        let snapshot = self.shared.snapshot.load();
        let names: Vec<&str> = snapshot.providers.iter().map(|provider| &*provider.name).collect();
        self.shared.metrics.know(&names);
    }

    /// Swaps the configuration in, all or nothing; returns its generation.
    pub fn apply(&self, document: &[u8]) -> Result<u64, Rejected> {
        let mut lanes = lock(&self.lanes);
        let snapshot = Snapshot::compile(document, &mut lanes)?;
        self.shared.cache.settle(snapshot.embedding.as_ref()).map_err(Rejected)?;
        if let Some(journal) = lock(&self.running).as_ref().and_then(|running| running.journal.as_ref()) {
            retain_payloads(journal, &snapshot);
        }
        self.shared.publish(snapshot);
        self.know_providers();
        Ok(self.shared.generation.fetch_add(1, SeqCst) + 1)
    }

    /// The certificate chain and key, both PEM, that the native listener shows to new connections from now on. What
    /// cannot be used changes nothing; the text says why.
    pub fn set_tls(&self, chain: &[u8], key: &[u8]) -> Result<(), String> {
        let config = server::server_config(chain, key)?;
        self.shared.listener_tls.store(Some(Arc::new(config)));
        Ok(())
    }

    /// Puts hooks in the place of those before; snapshots name them by their numbers.
    pub fn install_hooks(&self, hooks: Vec<HookSpec>) {
        self.shared.hooks.install(hooks);
    }

    /// Starts the engine threads. Idempotent.
    pub fn start(&self) -> io::Result<()> {
        self.check_process()?;
        let mut running = lock(&self.running);
        if running.is_some() {
            return Ok(());
        }
        let embedding = self.shared.snapshot.load().embedding.clone();
        let cache = &self.shared.cache;
        cache.keep_in(self.options.cache.clone());
        thread::scope(|scope| {
            // Both files are read at one time. Where another process has them, or the disk refuses, memory does.
            scope.spawn(|| cache.open(unix_ms()));
            cache.settle(embedding.as_ref())
        })
        .map_err(io::Error::other)?;
        let journal = self
            .options
            .journal
            .clone()
            .map(|folder| {
                let payloads = self.options.payloads.clone();
                Journal::open(JournalOptions { payloads, ..JournalOptions::new(folder) })
            })
            .transpose()?;
        if let Some(journal) = &journal {
            retain_payloads(journal, &self.shared.snapshot.load());
        }
        *lock(&self.reader) = journal.as_ref().map(|journal| Arc::new(journal.reader()));
        let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = if self.options.workers == 0 { cores() } else { self.options.workers };
        let mut commands = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let (sender, receiver) = unbounded_channel();
            let shared = Arc::clone(&self.shared);
            let recorder = self.recorder(journal.as_ref());
            let seed = seed(index);
            let run = move || run_shard(shared, recorder, seed, receiver);
            threads.push(thread::Builder::new().name(format!("fg-engine-{index}")).spawn(run)?);
            commands.push(sender);
        }
        let keeper = Keeper::start(&self.shared)?;
        *running = Some(Running { commands: commands.into(), threads, journal, keeper });
        Ok(())
    }

    /// Opens the native listener on every engine thread: at an address, or on listening sockets that are there.
    pub fn listen(
        &self,
        host: &str,
        port: u16,
        control: Option<&Path>,
        sockets: Option<&[RawFd]>,
    ) -> io::Result<SocketAddr> {
        self.start()?;
        let commands = self.commands().ok_or_else(stopped)?;
        let (address, listeners) = match sockets {
            Some(sockets) => server::adopt(sockets)?,
            None => server::bind(host, port, commands.len())?,
        };
        let shares = server::spread(&listeners, commands.len())?;
        self.shared.control_socket.store(control.map(|path| Arc::new(path.to_owned())));
        for (commands, share) in commands.iter().zip(shares) {
            for listener in share {
                commands.send(Command::Listen(listener)).map_err(|_| stopped())?;
            }
        }
        *lock(&self.listeners) = listeners;
        Ok(address)
    }

    /// The listening sockets, to be handed to another process. They are closed when this one stops to accept.
    pub fn listeners(&self) -> Vec<RawFd> {
        lock(&self.listeners).iter().map(AsRawFd::as_raw_fd).collect()
    }

    fn commands(&self) -> Option<Commands> {
        lock(&self.running).as_ref().map(|running| Arc::clone(&running.commands))
    }

    /// A completion queue for the event loop of this thread. Its requests run on the engine threads, or else right
    /// here, when the loop turns the inbox.
    pub fn inbox(&self, here: bool) -> io::Result<Inbox> {
        self.start()?;
        let inbox = if here {
            let recorder =
                lock(&self.running).as_ref().map(|running| self.recorder(running.journal.as_ref()));
            let recorder = recorder.ok_or_else(stopped)?;
            let shared = Arc::clone(&self.shared);
            Inbox::here(Address::settle(shared, recorder, seed(HERE))?)
        } else {
            Inbox::elsewhere(self.commands().ok_or_else(stopped)?)?
        };
        let mut inboxes = lock(&self.inboxes);
        inboxes.retain(|calls| calls.strong_count() > 0);
        inboxes.push(inbox.calls());
        Ok(inbox)
    }

    fn recorder(&self, journal: Option<&Journal>) -> Recorder {
        let payloads = journal.filter(|_| self.options.payloads.is_some());
        let budget = payloads.map(|journal| Arc::clone(journal.budget()));
        Recorder::new(journal.map(Journal::producer), budget)
    }

    /// What /readyz says, and whether admin paths are forwarded.
    pub fn set_state(&self, ready: bool, control: bool) {
        self.shared.ready.store(ready, SeqCst);
        self.shared.control.store(control, SeqCst);
    }

    /// Ends the threads and closes the journal. Idempotent.
    pub fn stop(&self) {
        if self.check_process().is_err() {
            return;
        }
        let Some(running) = lock(&self.running).take() else { return };
        for calls in lock(&self.inboxes).drain(..).filter_map(|calls| calls.upgrade()) {
            calls.stop();
        }
        vacate(&self.shared);
        for commands in running.commands.iter() {
            commands.send(Command::Stop).ok();
        }
        for thread in running.threads {
            thread.join().ok();
        }
        self.shared.hooks.close();
        drop(running.keeper);
        self.shared.cache.close();
        if let Some(journal) = running.journal {
            journal.close();
        }
    }

    /// Reads rows of the journal; see [`Reader::read`].
    pub fn journal_read(&self, segment: u64, offset: u64, max_rows: usize) -> io::Result<Option<Batch>> {
        let reader = lock(&self.reader).clone();
        reader.map(|reader| reader.read(segment, offset, max_rows)).transpose()
    }

    /// Deletes the segments before `segment`.
    pub fn journal_release(&self, segment: u64) -> io::Result<u64> {
        let reader = lock(&self.reader).clone();
        reader.map_or(Ok(0), |reader| reader.release(segment))
    }

    /// Every lane that has been used or that a route has.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        lanes::lanes(&self.shared.snapshot.load(), clock::now())
    }

    /// Prometheus text.
    pub fn metrics(&self) -> Result<String, std::fmt::Error> {
        let mut totals = Totals {
            in_flight: self.shared.in_flight.get() as u64,
            connections: self.shared.connections.get() as u64,
            buffered_bytes: self.shared.buffered.get() as u64,
            ..Totals::default()
        };
        if let Some(journal) = lock(&self.running).as_ref().and_then(|running| running.journal.as_ref()) {
            totals.journal = journal.figures();
        }
        self.shared.metrics.render(totals, self.shared.cache.stats(), self.shared.hooks.report())
    }

    /// How it goes.
    pub fn status(&self) -> Status {
        let running = lock(&self.running);
        let journal = running.as_ref().and_then(|running| running.journal.as_ref());
        let journal =
            journal.map(|journal| JournalStatus { figures: journal.figures(), failure: journal.failure() });
        Status {
            generation: self.shared.generation.load(SeqCst),
            in_flight: self.shared.in_flight.get(),
            connections: self.shared.connections.get(),
            buffered_bytes: self.shared.buffered.get(),
            leaving: self.shared.leaving.load(Relaxed),
            draining: self.shared.draining.load(Relaxed),
            snapshots: self.shared.live_snapshots(),
            threads: running.as_ref().map_or(0, |running| running.threads.len()),
            hook_threads: self.shared.hooks.threads(),
            journal,
        }
    }

    /// Threads do not survive a fork, so neither does an engine.
    fn check_process(&self) -> io::Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(io::Error::other("the engine was made before a fork; make it in the child"))
    }
}

fn retain_payloads(journal: &Journal, snapshot: &Snapshot) {
    let rules = snapshot.payloads;
    journal.retain_payloads(rules.retention, rules.total_bytes);
}

fn stopped() -> io::Error {
    io::Error::other("the engine has stopped")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seed(index: usize) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hasher is seeded by the system; the time and the index tell threads apart.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u128(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos());
    hasher.write_usize(index);
    hasher.finish()
}

fn run_shard(state: Arc<Shared>, recorder: Recorder, seed: u64, commands: UnboundedReceiver<Command>) {
    let Ok(runtime) = runtime() else { return };
    let local = LocalSet::new();
    let shard = Shard::new(state, recorder, seed, None);
    local.block_on(&runtime, shard_main(Rc::clone(&shard), commands));
    // Tasks that are left hold their tickets: they are settled as cancelled here, before the ring goes.
    drop(local);
    shard.pool.clear();
    shard.recorder.flush();
}

async fn shard_main(shard: Rc<Shard>, mut commands: UnboundedReceiver<Command>) {
    tokio::task::spawn_local(Rc::clone(&shard).housekeeping());
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen(listener) => {
                if let Ok(listener) = server::to_tokio(listener) {
                    let control = Rc::new(ControlPlane::new(&shard.shared));
                    tokio::task::spawn_local(server::serve(Rc::clone(&shard), listener, control));
                }
            }
            Command::Job(job) => {
                tokio::task::spawn_local(job.run(Rc::clone(&shard)));
            }
            Command::Wake => {
                shard.sweep_clients();
                shard.watches.wake_all();
            }
            Command::Stop => break,
        }
    }
}
