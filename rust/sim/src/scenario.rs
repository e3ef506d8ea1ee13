//! The eleven situations that every policy is put through.

use serde::Serialize;

use crate::lane::{Behaviour, GOOD, RateLimit, Script, Seconds};

/// A situation: lanes, arrivals, clients.
#[derive(Debug, Clone, Serialize)]
pub struct Scenario {
    /// What the table calls it.
    pub name: &'static str,
    /// Variants of one situation share it and count once.
    pub group: u32,
    /// The lanes.
    pub lanes: Vec<Script>,
    /// Requests a second, as a Poisson process.
    pub rate: f64,
    /// How long requests arrive.
    pub lasts: Seconds,
    /// Lengths of answers in tokens, each as likely.
    pub tokens: &'static [u32],
    /// Share of clients that leave, at a time uniform in 0..3 s.
    pub cancels: f64,
    /// Attempts that a request may make, each on another lane.
    pub attempts: usize,
    /// What is watched beside success and waiting.
    pub watch: Option<Watch>,
}

/// A promise about one lane.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Watch {
    /// It begins to fail fast: its share of the traffic that follows the 20th request after that.
    FailsFast {
        /// Which.
        lane: usize,
        /// When it begins.
        from: Seconds,
    },
    /// It is well again: its share 30 s later.
    Recovers {
        /// Which.
        lane: usize,
        /// When.
        at: Seconds,
    },
    /// It joins: never above its fair share, and half of it within 10 s.
    Joins {
        /// Which.
        lane: usize,
        /// When.
        at: Seconds,
    },
}

impl Scenario {
    /// The same with `factor` times the requests, and lanes and limits to bear them: what was tuned at one load must hold
    /// at others.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.rate *= factor;
        for lane in &mut self.lanes {
            lane.slots = (lane.slots * factor).max(1.0);
            if let Some(limit) = &mut lane.limit {
                limit.rate *= factor;
            }
        }
        self
    }

    /// The same with another number of attempts: with one, what the client sees is the choice alone.
    #[must_use]
    pub fn with_attempts(mut self, attempts: usize) -> Self {
        self.attempts = attempts;
        self
    }
}

fn base(name: &'static str, group: u32, lanes: Vec<Script>) -> Scenario {
    Scenario {
        name,
        group,
        lanes,
        rate: 40.0,
        lasts: 150.0,
        tokens: &[60, 120, 240],
        cancels: 0.0,
        attempts: 3,
        watch: None,
    }
}

fn good(count: usize) -> Vec<Script> {
    vec![Script::steady(GOOD); count]
}

fn with(mut lanes: Vec<Script>, lane: Script) -> Vec<Script> {
    lanes.push(lane);
    lanes
}

/// All of them; one stands in two variants.
pub fn all() -> Vec<Scenario> {
    let down = Behaviour { fails: 1.0, ..GOOD };
    let slow = Behaviour { ttft: 2.5, per_token: 0.075, ..GOOD };
    let patient = Behaviour { ttft: 2.0, ..GOOD };
    let failing = Behaviour { fails: 0.7, ..patient };
    let brown = Behaviour { ttft: 2.0, fails: 0.4, fails_after: 1.0, ..GOOD };
    let limited =
        |says| Script { limit: Some(RateLimit { rate: 40.0 / 4.0 / 3.0, says }), ..Script::steady(GOOD) };
    let outage = || Script::steady(GOOD).then(60.0, down).then(70.0, GOOD);
    let mut flapping = Script::steady(GOOD);
    for step in 4..30 {
        flapping = flapping.then(f64::from(step) * 5.0, if step % 2 == 0 { down } else { GOOD });
    }
    let hangs = Script::steady(GOOD).then(50.0, Behaviour { hangs: true, ..GOOD }).then(110.0, GOOD);
    let medians = [0.25, 0.3, 0.35, 0.45, 0.55, 0.7, 0.9, 1.2, 1.6, 2.2];
    let spread = medians.map(|ttft| Script::steady(Behaviour { ttft, sigma: 0.5, ..GOOD }));
    vec![
        base("one lane 5x slower", 1, with(good(3), Script::steady(slow))),
        Scenario {
            watch: Some(Watch::FailsFast { lane: 3, from: 30.0 }),
            ..base("70 % fail in 50 ms", 2, {
                with(vec![Script::steady(patient); 3], Script::steady(patient).then(30.0, failing))
            })
        },
        base("limited key, says when", 3, with(good(3), limited(true))),
        base("limited key, does not say", 3, with(good(3), limited(false))),
        Scenario {
            lasts: 180.0,
            watch: Some(Watch::Recovers { lane: 3, at: 100.0 }),
            ..base("brown-out of 60 s", 4, {
                with(good(3), Script::steady(GOOD).then(40.0, brown).then(100.0, GOOD))
            })
        },
        Scenario {
            watch: Some(Watch::Joins { lane: 3, at: 50.0 }),
            ..base("a new lane joins", 5, with(good(3), Script { joins: 50.0, ..Script::steady(GOOD) }))
        },
        Scenario { rate: 8.0, lasts: 400.0, tokens: &[20, 4000], ..base("20 and 4,000 tokens", 6, mixed()) },
        base("every lane fails for 10 s", 7, vec![outage(), outage(), outage(), outage()]),
        base("a lane flaps every 5 s", 8, with(good(3), flapping)),
        base("a lane hangs after headers", 9, with(good(3), hangs)),
        base("ten log-normal lanes", 10, spread.to_vec()),
        Scenario {
            cancels: 0.5,
            ..base("half the clients cancel", 11, {
                with(good(3), Script::steady(Behaviour { ttft: 1.5, ..GOOD }))
            })
        },
    ]
}

/// Lanes that differ a little, so that only lengths could mislead.
fn mixed() -> Vec<Script> {
    [0.5, 0.5, 0.5, 1.0].map(|ttft| Script::steady(Behaviour { ttft, ..GOOD })).to_vec()
}
