//! The engine: threads, lanes, journal, and the snapshot that they serve by.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use ferrogate_core::balance::LaneTables;
use ferrogate_core::snapshot::{Rejected, Snapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::door::{Inbox, Job};
use crate::journal::{Batch, Journal, Options as JournalOptions, Reader};
use crate::observe::{Recorder, Totals};
use crate::server::{self, ControlPlane};
use crate::shard::Shard;
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
}

/// What can be told to an engine thread. Requests are bounded by the door that hands them in.
pub(crate) enum Command {
    /// Accept clients here, and forward what is not inference to the socket.
    Listen(TcpListener, Option<PathBuf>),
    /// Serve a request of the ASGI door.
    Job(Box<Job>),
    /// End.
    Stop,
}

/// The engine threads' ears.
pub(crate) type Commands = Arc<[UnboundedSender<Command>]>;

struct Running {
    commands: Commands,
    threads: Vec<JoinHandle<()>>,
    journal: Option<Journal>,
}

/// One gateway.
pub struct Engine {
    shared: Arc<Shared>,
    lanes: Mutex<LaneTables>,
    options: Options,
    running: Mutex<Option<Running>>,
    reader: Mutex<Option<Arc<Reader>>>,
    process: u32,
}

/// What `status` says.
#[derive(Debug, Serialize)]
pub struct Status {
    generation: u64,
    in_flight: usize,
    connections: usize,
    buffered_bytes: usize,
    draining: bool,
    threads: usize,
    journal: Option<JournalStatus>,
}

#[derive(Debug, Serialize)]
struct JournalStatus {
    written_rows: u64,
    written_bytes: u64,
    shed_rows: u64,
    write_errors: u64,
    failure: Option<String>,
}

/// What is known of one lane.
#[derive(Debug, Serialize)]
pub struct LaneStatus {
    provider: String,
    key: String,
    key_id: String,
    model: String,
    weight: f64,
    enabled: bool,
    in_flight: u32,
    requests: u64,
    successes: u64,
    failures: u64,
    cancelled: u64,
    last_error: Option<&'static str>,
    last_status: Option<u16>,
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
        self.shared.snapshot.store(Arc::new(snapshot));
        self.know_providers();
        Ok(self.shared.generation.fetch_add(1, SeqCst) + 1)
    }

    /// Starts the engine threads. Idempotent.
    pub fn start(&self) -> io::Result<()> {
        self.check_process()?;
        let mut running = lock(&self.running);
        if running.is_some() {
            return Ok(());
        }
        let journal = self
            .options
            .journal
            .clone()
            .map(|folder| Journal::open(JournalOptions::new(folder)))
            .transpose()?;
        *lock(&self.reader) = journal.as_ref().map(|journal| Arc::new(journal.reader()));
        let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = if self.options.workers == 0 { cores() } else { self.options.workers };
        let mut commands = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let (sender, receiver) = unbounded_channel();
            let shared = Arc::clone(&self.shared);
            let ring = journal.as_ref().map(Journal::producer);
            let seed = seed(index);
            let run = move || run_shard(shared, Recorder::new(ring), seed, receiver);
            threads.push(thread::Builder::new().name(format!("fg-engine-{index}")).spawn(run)?);
            commands.push(sender);
        }
        *running = Some(Running { commands: commands.into(), threads, journal });
        Ok(())
    }

    /// Opens the native listener on every engine thread.
    pub fn listen(&self, host: &str, port: u16, control: Option<&Path>) -> io::Result<SocketAddr> {
        self.start()?;
        let running = lock(&self.running);
        let commands = running.as_ref().map(|running| Arc::clone(&running.commands)).unwrap_or_default();
        let (address, listeners) = server::bind(host, port, commands.len())?;
        for (commands, listener) in commands.iter().zip(listeners) {
            commands.send(Command::Listen(listener, control.map(Path::to_owned))).map_err(|_| stopped())?;
        }
        Ok(address)
    }

    /// A completion queue for one event loop.
    pub fn inbox(&self) -> io::Result<Inbox> {
        self.start()?;
        let running = lock(&self.running);
        Inbox::new(running.as_ref().map(|running| Arc::clone(&running.commands)).ok_or_else(stopped)?)
    }

    /// What /readyz says, and whether admin paths are forwarded.
    pub fn set_state(&self, ready: bool, control: bool) {
        self.shared.ready.store(ready, SeqCst);
        self.shared.control.store(control, SeqCst);
    }

    /// Stops accepting and waits for running requests; true when all ended in time.
    pub fn drain(&self, limit: Duration) -> bool {
        self.shared.drain();
        let until = Instant::now() + limit;
        while self.shared.in_flight.get() > 0 || self.shared.connections.get() > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.shared.in_flight.get() == 0;
            }
            thread::sleep(left.min(Duration::from_millis(10)));
        }
        true
    }

    /// Ends the threads and closes the journal. Idempotent.
    pub fn stop(&self) {
        if self.check_process().is_err() {
            return;
        }
        let Some(running) = lock(&self.running).take() else { return };
        for commands in running.commands.iter() {
            commands.send(Command::Stop).ok();
        }
        for thread in running.threads {
            thread.join().ok();
        }
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

    /// Every lane that has been used.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        let snapshot = self.shared.snapshot.load();
        let keys = snapshot
            .providers
            .iter()
            .flat_map(|provider| provider.keys.iter().map(move |key| (provider, key)));
        keys.flat_map(|(provider, key)| {
            key.lanes.all().into_iter().map(move |lane| {
                let (requests, successes, failures, cancelled) = lane.counts();
                let last = lane.last_failure();
                LaneStatus {
                    provider: provider.name.to_string(),
                    key: key.name.to_string(),
                    key_id: key.id.to_string(),
                    model: lane.model.to_string(),
                    weight: key.weight,
                    enabled: key.enabled,
                    in_flight: lane.in_flight(),
                    requests,
                    successes,
                    failures,
                    cancelled,
                    last_error: last.map(|failure| failure.kind.id()),
                    last_status: last.map(|failure| failure.status).filter(|&status| status > 0),
                }
            })
        })
        .collect()
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
            let counters = journal.counters();
            totals.journal_rows = counters.written_rows.load(Relaxed);
            totals.journal_bytes = counters.written_bytes.load(Relaxed);
            totals.journal_shed = counters.shed_rows.load(Relaxed);
            totals.journal_errors = counters.write_errors.load(Relaxed);
        }
        self.shared.metrics.render(totals)
    }

    /// How it goes.
    pub fn status(&self) -> Status {
        let running = lock(&self.running);
        let journal = running.as_ref().and_then(|running| running.journal.as_ref()).map(|journal| {
            let counters = journal.counters();
            JournalStatus {
                written_rows: counters.written_rows.load(Relaxed),
                written_bytes: counters.written_bytes.load(Relaxed),
                shed_rows: counters.shed_rows.load(Relaxed),
                write_errors: counters.write_errors.load(Relaxed),
                failure: journal.failure(),
            }
        });
        Status {
            generation: self.shared.generation.load(SeqCst),
            in_flight: self.shared.in_flight.get(),
            connections: self.shared.connections.get(),
            buffered_bytes: self.shared.buffered.get(),
            draining: self.shared.draining.load(Relaxed),
            threads: running.as_ref().map_or(0, |running| running.threads.len()),
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("fg-resolve")
        .max_blocking_threads(4)
        .build();
    let Ok(runtime) = runtime else { return };
    let local = LocalSet::new();
    let shard = Shard::new(state, recorder, seed);
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
            Command::Listen(listener, control) => {
                if let Ok(listener) = server::to_tokio(listener) {
                    let control = Rc::new(ControlPlane::new(control));
                    tokio::task::spawn_local(server::serve(Rc::clone(&shard), listener, control));
                }
            }
            Command::Job(job) => {
                tokio::task::spawn_local(job.run(Rc::clone(&shard)));
            }
            Command::Stop => break,
        }
    }
}
