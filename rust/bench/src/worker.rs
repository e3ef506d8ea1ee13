//! One thread of the generator: sends what is due, reads what comes back, counts both.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};

use crate::Error;
use crate::connection::{Answer, Connection, Failure, Kind};
use crate::observe::{Live, Observer};
use crate::schedule::{Arrivals, Ticker};
use crate::tally::Tally;
use crate::target::Target;

/// What one thread has to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) target: Arc<Target>,
    pub(crate) stream: bool,
    /// Over all threads; 0 is the closed loop.
    pub(crate) rate: f64,
    /// Most requests of this thread; 0 for no bound.
    pub(crate) requests: usize,
    /// Of this thread.
    pub(crate) connections: usize,
    pub(crate) index: usize,
    pub(crate) threads: usize,
    pub(crate) start: Instant,
    pub(crate) measure_from: Instant,
    pub(crate) until: Instant,
    pub(crate) timeout: Duration,
    pub(crate) drain: Duration,
}

/// Requests that may wait for a connection on one thread; what is due beyond them counts as unsent.
const MOST_WAITING: usize = 1_000_000;

struct Worker {
    plan: Plan,
    live: Arc<Live>,
    tally: RefCell<Tally>,
    idle: RefCell<Vec<Connection>>,
    backlog: RefCell<VecDeque<Instant>>,
    slots: Cell<usize>,
    busy: Cell<usize>,
    quiet: Notify,
}

/// Run one thread's part to its end, or until `stop`.
pub(crate) fn run(
    plan: Plan,
    opened: Vec<std::net::TcpStream>,
    live: Arc<Live>,
    stop: &Notify,
) -> Result<Tally, Error> {
    let failed = |what: &str| Error::Generator(format!("the generator cannot start: {what}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error.to_string()))?;
    let idle = {
        let _entered = runtime.enter();
        opened.into_iter().map(Connection::opened_before).collect::<std::io::Result<Vec<_>>>()
    };
    let idle = idle.map_err(|error| failed(&error.to_string()))?;
    let mut tally = Tally::new().ok_or_else(|| failed("histogram bounds"))?;
    tally.opened = idle.len() as u64;
    let worker = Rc::new(Worker {
        plan,
        live,
        tally: RefCell::new(tally),
        slots: Cell::new(idle.len()),
        idle: RefCell::new(idle),
        backlog: RefCell::default(),
        busy: Cell::new(0),
        quiet: Notify::new(),
    });
    let tasks = LocalSet::new();
    let outcome = tasks.block_on(&runtime, async {
        tokio::select! {
            outcome = drive(&worker) => outcome,
            () = stop.notified() => Ok(()),
        }
    });
    drop(tasks);
    outcome?;
    let worker = Rc::into_inner(worker).ok_or_else(|| failed("a request outlived its thread"))?;
    let mut tally = worker.tally.into_inner();
    let backlog = worker.backlog.into_inner();
    tally.unsent += backlog.iter().filter(|planned| **planned >= worker.plan.measure_from).count() as u64;
    Ok(tally)
}

async fn drive(worker: &Rc<Worker>) -> Result<(), Error> {
    if worker.plan.rate > 0.0 {
        open_loop(worker).await?;
    } else {
        closed_loop(worker).await;
    }
    // A load that ends with its last request leaves those in flight the rest of the window as well.
    let rest = worker.plan.until.saturating_duration_since(Instant::now());
    let _finished = tokio::time::timeout(rest + worker.plan.drain, async {
        while worker.busy.get() > 0 {
            worker.quiet.notified().await;
        }
    })
    .await;
    Ok(())
}

async fn open_loop(worker: &Rc<Worker>) -> Result<(), Error> {
    let plan = &worker.plan;
    let mut arrivals = Arrivals::new(plan.start, plan.until, plan.rate, plan.index, plan.threads)
        .at_most(plan.requests as u64);
    let mut ticker = Ticker::new(arrivals.first(), arrivals.period())?;
    while !arrivals.is_over() {
        ticker.tick().await;
        let now = Instant::now();
        while let Some(planned) = arrivals.due(now) {
            worker.arrive(planned, now);
        }
    }
    Ok(())
}

async fn closed_loop(worker: &Rc<Worker>) {
    tokio::time::sleep_until(worker.plan.start.into()).await;
    for _ in 0..worker.plan.connections {
        worker.busy.set(worker.busy.get() + 1);
        let worker = worker.clone();
        spawn_local(async move {
            let ready = worker.idle.borrow_mut().pop();
            let mut connection = ready.unwrap_or_else(Connection::new);
            loop {
                let now = Instant::now();
                if now >= worker.plan.until {
                    break;
                }
                let answered = worker.request(&mut connection, now).await;
                if !answered {
                    // A server that refuses at once must not turn the loop into a flood of connects.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            worker.leave();
        });
    }
    tokio::time::sleep_until(worker.plan.until.into()).await;
}

impl Worker {
    /// A planned request is due: send it on a free connection or a new one, or let it wait for the next that is free.
    fn arrive(self: &Rc<Self>, planned: Instant, now: Instant) {
        let measured = planned >= self.plan.measure_from;
        if measured {
            self.tally.borrow_mut().lateness.time(now - planned);
        }
        let free = self.idle.borrow_mut().pop().or_else(|| {
            let slots = self.slots.get();
            (slots < self.plan.connections).then(|| {
                self.slots.set(slots + 1);
                Connection::new()
            })
        });
        if let Some(connection) = free {
            self.busy.set(self.busy.get() + 1);
            spawn_local(self.clone().serve(connection, planned));
            return;
        }
        let mut backlog = self.backlog.borrow_mut();
        if backlog.len() < MOST_WAITING {
            backlog.push_back(planned);
            self.live.backlog.fetch_add(1, Relaxed);
        } else if measured {
            self.tally.borrow_mut().unsent += 1;
        }
        if measured {
            self.tally.borrow_mut().waited += 1;
        }
    }

    /// One request, then all that wait for a connection, oldest first.
    async fn serve(self: Rc<Self>, mut connection: Connection, mut planned: Instant) {
        loop {
            self.request(&mut connection, planned).await;
            let Some(next) = self.backlog.borrow_mut().pop_front() else { break };
            self.live.backlog.fetch_sub(1, Relaxed);
            planned = next;
        }
        self.idle.borrow_mut().push(connection);
        self.leave();
    }

    fn leave(&self) {
        self.busy.set(self.busy.get() - 1);
        if self.busy.get() == 0 {
            self.quiet.notify_one();
        }
    }

    /// Send one request and count what became of it; false when no whole answer came.
    async fn request(&self, connection: &mut Connection, planned: Instant) -> bool {
        let measured = planned >= self.plan.measure_from;
        let target = &self.plan.target;
        self.live.sent.fetch_add(1, Relaxed);
        let in_flight = self.live.in_flight.fetch_add(1, Relaxed) + 1;
        self.live.most_in_flight.fetch_max(in_flight, Relaxed);
        if measured {
            let mut tally = self.tally.borrow_mut();
            tally.sent += 1;
            tally.send_lag.time(planned.elapsed());
        }
        let opened = connection.opened();
        let mut observer = Observer::new(&self.live, self.plan.stream, measured);
        let exchange = connection.exchange(target.address, &target.request, &mut observer);
        let outcome = tokio::time::timeout(self.plan.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::new(Kind::Timeout, &"no whole answer within timeout_ms")));
        self.live.in_flight.fetch_sub(1, Relaxed);
        let answered = outcome.is_ok();
        let counter = if answered { &self.live.completed } else { &self.live.failed };
        counter.fetch_add(1, Relaxed);
        let mut tally = self.tally.borrow_mut();
        tally.opened += connection.opened() - opened;
        if measured {
            tally.record(planned, &observer, outcome);
        }
        answered
    }
}

impl Tally {
    fn record(&mut self, planned: Instant, observer: &Observer<'_>, outcome: Result<Answer, Failure>) {
        self.resent += u64::from(observer.resent);
        for gap in observer.gaps() {
            self.gap.time(*gap);
        }
        let stream = observer.events();
        match outcome {
            Ok(answer) => {
                *self.statuses.entry(answer.status).or_default() += 1;
                if !(200..300).contains(&answer.status) {
                    return;
                }
                if let Some(events) = stream {
                    self.events.count(events.count());
                    if !events.is_done() {
                        self.incomplete_streams += 1;
                        return;
                    }
                }
                self.ok += 1;
                self.last_end = self.last_end.max(Some(answer.end));
                self.latency.time(answer.end - planned);
                self.first_byte.time(observer.first_byte.unwrap_or(answer.end) - planned);
            }
            Err(failure) => {
                // A stream whose content had begun is a broken stream, whatever broke it.
                self.incomplete_streams += u64::from(stream.is_some() && observer.first_byte.is_some());
                self.failure(failure);
            }
        }
    }
}
