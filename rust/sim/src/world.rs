//! One run: requests arrive, attempts go to lanes, virtual time passes.
//!
//! The retry rule is the harness's and the same for all: another lane at once, so many attempts, inside one
//! deadline, within the gateway's retry budget. Only the choice of the lane is a policy's.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use ferrogate_core::balance::RetryBudget;

use crate::lane::{Fate, Live, Seconds};
use crate::own::moment;
use crate::policy::{Ask, Attempt, End, Policy};
use crate::random::Random;
use crate::scenario::Scenario;

/// A first token must be here by then.
const FIRST_TOKEN: Seconds = 10.0;
/// After which no further attempt is made.
const DEADLINE: Seconds = 30.0;
/// A client that leaves does so within this.
const PATIENCE: Seconds = 3.0;

/// What became of the requests of one run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) answered: u32,
    pub(crate) failed: u32,
    /// As the client saw them, failed attempts included.
    pub(crate) waits: Vec<Seconds>,
    /// When each attempt was sent, and to which lane.
    pub(crate) sent: Vec<(Seconds, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Joins(usize),
    Arrives(usize),
    FirstToken(usize),
    Ends(usize),
    Leaves(usize),
}

#[derive(Debug, PartialEq)]
struct Due(Seconds, usize, Event);

impl Eq for Due {}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Request {
    arrived: Seconds,
    tokens: u32,
    tried: Vec<usize>,
    running: Option<usize>,
    waited: bool,
    over: bool,
}

struct Sent {
    request: usize,
    lane: usize,
    at: Seconds,
    end: End,
    over: bool,
}

/// One run in progress.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    seed: u64,
    policy: &'a mut dyn Policy,
    lanes: Vec<Live>,
    present: Vec<bool>,
    requests: Vec<Request>,
    attempts: Vec<Sent>,
    queue: BinaryHeap<Due>,
    scheduled: usize,
    random: Random,
    budget: RetryBudget,
    run: Run,
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario, seed: u64, policy: &'a mut dyn Policy) -> Self {
        let lanes: Vec<_> = scenario.lanes.iter().cloned().map(Live::new).collect();
        Self {
            scenario,
            seed,
            policy,
            present: vec![false; lanes.len()],
            lanes,
            requests: Vec::new(),
            attempts: Vec::new(),
            queue: BinaryHeap::new(),
            scheduled: 0,
            random: Random::of(&[seed, 1]),
            budget: RetryBudget::new(0.2, 20),
            run: Run::default(),
        }
    }

    /// To its end.
    pub(crate) fn run(mut self) -> Run {
        for lane in 0..self.lanes.len() {
            let joins = self.lanes[lane].script.joins;
            self.at(joins, Event::Joins(lane));
        }
        self.schedule_arrivals();
        while let Some(Due(now, _, event)) = self.queue.pop() {
            match event {
                Event::Joins(lane) => {
                    self.present[lane] = true;
                    self.policy.joined(now, lane, self.lanes[lane].script.weight);
                }
                Event::Arrives(request) => {
                    self.budget.arrived(moment(now));
                    self.send(now, request);
                }
                Event::FirstToken(attempt) => self.first_token(now, attempt),
                Event::Ends(attempt) => self.ends(now, attempt),
                Event::Leaves(request) => self.leaves(now, request),
            }
        }
        self.run
    }

    fn at(&mut self, when: Seconds, event: Event) {
        self.scheduled += 1;
        self.queue.push(Due(when, self.scheduled, event));
    }

    fn schedule_arrivals(&mut self) {
        let mut clients = Random::of(&[self.seed, 2]);
        let mut now = 0.0;
        loop {
            now += clients.exponential(1.0 / self.scenario.rate);
            if now > self.scenario.lasts {
                return;
            }
            let tokens = self.scenario.tokens[clients.below(self.scenario.tokens.len())];
            let (leaves, patience) =
                (clients.uniform() < self.scenario.cancels, clients.uniform() * PATIENCE);
            let request = self.requests.len();
            self.requests.push(Request {
                arrived: now,
                tokens,
                tried: Vec::new(),
                running: None,
                waited: false,
                over: false,
            });
            self.at(now, Event::Arrives(request));
            if leaves {
                self.at(now + patience, Event::Leaves(request));
            }
        }
    }

    fn send(&mut self, now: Seconds, request: usize) {
        let tried = &self.requests[request].tried;
        let is_past = now - self.requests[request].arrived >= DEADLINE;
        let ask = Ask { now, tried, present: &self.present, truth: &self.lanes };
        let lane = if is_past { None } else { self.policy.pick(&ask, &mut self.random) };
        let Some(lane) = lane else {
            self.requests[request].over = true;
            self.run.failed += 1;
            return;
        };
        let number = self.requests[request].tried.len() as u64;
        let mut luck = Random::of(&[self.seed, 3, request as u64, number]);
        let fate = self.lanes[lane].take(now, f64::from(self.requests[request].tokens), &mut luck);
        let id = self.attempts.len();
        let end = match fate {
            Fate::Answers(first, end) if first < FIRST_TOKEN => {
                self.at(now + first, Event::FirstToken(id));
                self.at(now + end, Event::Ends(id));
                End::Answered(self.requests[request].tokens)
            }
            Fate::Fails(after, status, hint) => {
                self.at(now + after, Event::Ends(id));
                End::Failed(status, after, hint)
            }
            Fate::Answers(..) | Fate::Hangs => {
                self.at(now + FIRST_TOKEN, Event::Ends(id));
                End::TimedOut(FIRST_TOKEN)
            }
        };
        self.attempts.push(Sent { request, lane, at: now, end, over: false });
        self.requests[request].tried.push(lane);
        self.requests[request].running = Some(id);
        self.run.sent.push((now, lane));
        self.policy.begun(now, Attempt { id, lane });
    }

    fn first_token(&mut self, now: Seconds, id: usize) {
        let (request, lane, ttft) =
            (self.attempts[id].request, self.attempts[id].lane, now - self.attempts[id].at);
        if self.attempts[id].over {
            return;
        }
        self.policy.first_token(now, Attempt { id, lane }, ttft);
        self.requests[request].waited = true;
        self.run.waits.push(now - self.requests[request].arrived);
    }

    fn ends(&mut self, now: Seconds, id: usize) {
        if self.attempts[id].over {
            return;
        }
        let (request, end) = (self.attempts[id].request, self.attempts[id].end);
        self.over(now, id, end);
        if let End::Answered(_) = end {
            self.requests[request].over = true;
            self.run.answered += 1;
            return;
        }
        let left = self.requests[request].tried.len() < self.scenario.attempts;
        if left && self.budget.take(moment(now)) {
            self.send(now, request);
        } else {
            self.requests[request].over = true;
            self.run.failed += 1;
        }
    }

    /// A client that left says nothing about success.
    fn leaves(&mut self, now: Seconds, request: usize) {
        if self.requests[request].over {
            return;
        }
        self.requests[request].over = true;
        if let Some(id) = self.requests[request].running {
            self.over(now, id, End::Cancelled);
        }
    }

    fn over(&mut self, now: Seconds, id: usize, end: End) {
        let attempt = &mut self.attempts[id];
        attempt.over = true;
        self.lanes[attempt.lane].in_flight -= 1;
        self.policy.ended(now, Attempt { id, lane: attempt.lane }, end);
    }
}
