//! What a provider does at each moment: the truth that policies can only guess at.

use serde::Serialize;

use crate::random::Random;

/// Seconds of virtual time.
pub type Seconds = f64;

/// How a lane behaves from one moment on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Behaviour {
    /// Median of the time to first token.
    pub ttft: Seconds,
    /// Deviation of its logarithm.
    pub sigma: f64,
    /// Per output token.
    pub per_token: Seconds,
    /// Share of requests that fail.
    pub fails: f64,
    /// After which they do.
    pub fails_after: Seconds,
    /// Answers the headers and then nothing.
    pub hangs: bool,
}

/// A lane that does well.
pub const GOOD: Behaviour =
    Behaviour { ttft: 0.5, sigma: 0.35, per_token: 0.015, fails: 0.0, fails_after: 0.05, hangs: false };

/// A provider's limit: a bucket that holds one second's worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RateLimit {
    /// Requests a second.
    pub rate: f64,
    /// Whether its 429 says when to come back.
    pub says: bool,
}

/// A lane's whole life.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    /// Its configured share.
    pub weight: f64,
    /// When it is added to the configuration.
    pub joins: Seconds,
    /// Requests at one time beyond which all wait longer, in proportion.
    pub slots: f64,
    /// Its limit, where it has one.
    pub limit: Option<RateLimit>,
    /// From when on it behaves how; sorted.
    pub phases: Vec<(Seconds, Behaviour)>,
}

impl Script {
    /// One that always behaves the same.
    pub fn steady(behaviour: Behaviour) -> Self {
        Self { weight: 1.0, joins: 0.0, slots: 120.0, limit: None, phases: vec![(0.0, behaviour)] }
    }

    /// From `at` on it behaves otherwise.
    #[must_use]
    pub fn then(mut self, at: Seconds, behaviour: Behaviour) -> Self {
        self.phases.push((at, behaviour));
        self
    }

    /// How it behaves at `now`.
    pub fn behaviour(&self, now: Seconds) -> Behaviour {
        self.phases.iter().rev().find(|(from, _)| *from <= now).map_or(GOOD, |(_, behaviour)| *behaviour)
    }
}

/// How an attempt will go, settled when it is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// First token and end, both after the start.
    Answers(Seconds, Seconds),
    /// Fails with a status after a while; a 429 may say when to come back.
    Fails(Seconds, u16, Option<Seconds>),
    /// Nothing comes.
    Hangs,
}

/// A lane as it is now.
#[derive(Debug, Clone)]
pub struct Live {
    /// What it was told to do.
    pub script: Script,
    /// Attempts that run on it.
    pub in_flight: u32,
    tokens: f64,
    filled: Seconds,
}

impl Live {
    pub(crate) fn new(script: Script) -> Self {
        let tokens = script.limit.map_or(0.0, |limit| limit.rate.max(1.0));
        Self { script, in_flight: 0, tokens, filled: 0.0 }
    }

    /// How much longer everything takes, for the load.
    pub fn load(&self) -> f64 {
        (f64::from(self.in_flight + 1) / self.script.slots).max(1.0)
    }

    /// Whether its limit would let a request in.
    pub fn has_room(&self, now: Seconds) -> bool {
        self.script.limit.is_none_or(|limit| {
            (self.tokens + (now - self.filled) * limit.rate).min(limit.rate.max(1.0)) >= 1.0
        })
    }

    /// Takes an attempt in; `tokens` is the length of its answer.
    pub(crate) fn take(&mut self, now: Seconds, tokens: f64, random: &mut Random) -> Fate {
        let load = self.load();
        self.in_flight += 1;
        let behaviour = self.script.behaviour(now);
        let (luck, ttft) = (random.uniform(), random.log_normal(behaviour.ttft, behaviour.sigma));
        if let Some(limit) = self.script.limit {
            let full = limit.rate.max(1.0);
            self.tokens = (self.tokens + (now - self.filled) * limit.rate).min(full);
            self.filled = now;
            if self.tokens < 1.0 {
                let wait = ((1.0 - self.tokens) / limit.rate).ceil().max(1.0);
                return Fate::Fails(0.03, 429, limit.says.then_some(wait));
            }
            self.tokens -= 1.0;
        }
        if behaviour.hangs {
            return Fate::Hangs;
        }
        if luck < behaviour.fails {
            return Fate::Fails(behaviour.fails_after, 503, None);
        }
        let first = ttft * load;
        Fate::Answers(first, first + tokens * behaviour.per_token * load)
    }
}
