//! What hooks did to one request, and its record until they are done with it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use ferrogate_core::Kind;
use serde::Serialize;

use super::Ticket;
use super::hooked::{HookOutcome, Stage};
use crate::hooks::Times;

/// What the hooks of one request did, for its record.
#[derive(Debug, Default)]
pub(crate) struct Tally(RefCell<Vec<Line>>);

/// One stage of one hook.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(serialize_with = "as_text")]
    hook: Arc<str>,
    stage: &'static str,
    outcome: &'static str,
    calls: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u32>,
    us: u64,
    queue_us: u64,
    gil_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<str>>,
}

fn as_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// So much of what a hook raised is kept.
const ERROR_BYTES: usize = 200;

impl Tally {
    pub(crate) fn add(
        &self,
        hook: &Arc<str>,
        stage: Stage,
        outcome: HookOutcome,
        events: u32,
        times: Times,
        error: Option<&str>,
    ) {
        let mut lines = self.0.borrow_mut();
        let known = lines.iter().position(|line| line.hook == *hook && line.stage == stage.name());
        let at = known.unwrap_or_else(|| {
            lines.push(Line {
                hook: Arc::clone(hook),
                stage: stage.name(),
                outcome: HookOutcome::Passed.name(),
                calls: 0,
                events: None,
                us: 0,
                queue_us: 0,
                gil_us: 0,
                error: None,
            });
            lines.len() - 1
        });
        let Some(line) = lines.get_mut(at) else { return };
        line.calls += 1;
        if stage == Stage::Event {
            *line.events.get_or_insert(0) += events;
        }
        // What is worth most to know of several calls: the last that was no mere passing.
        if outcome != HookOutcome::Passed {
            line.outcome = outcome.name();
        }
        line.us += micros(times.run);
        line.queue_us += micros(times.queue);
        line.gil_us += micros(times.gil);
        if let Some(error) = error {
            let end = error.char_indices().map(|(at, _)| at).find(|at| *at >= ERROR_BYTES);
            line.error = Some(error[..end.unwrap_or(error.len())].into());
        }
    }

    /// As the record has it; none where no hook was called.
    pub(super) fn json(&self) -> Option<String> {
        let lines = self.0.borrow();
        (!lines.is_empty()).then(|| serde_json::to_string(&*lines).ok()).flatten()
    }
}

/// Holds a request's record back until its answer has gone through the hooks, which change what the client gets and take
/// their time.
#[derive(Default)]
pub(crate) struct Parking {
    closed: Cell<bool>,
    ticket: RefCell<Option<Ticket>>,
    /// What went to the client, as far as the log keeps it, and all of its length.
    kept: RefCell<BytesMut>,
    passed: Cell<u64>,
    limit: Cell<usize>,
    failure: Cell<Option<Kind>>,
}

impl Parking {
    /// From now on so many bytes of a stream are kept.
    pub(crate) fn keep(&self, limit: usize) {
        self.limit.set(limit);
    }

    /// Takes a ticket that is finished; gives it back where nobody waits for it.
    pub(super) fn take(&self, ticket: Ticket) -> Option<Ticket> {
        if self.closed.get() {
            return Some(ticket);
        }
        self.ticket.replace(Some(ticket))
    }

    /// Whether the answer still goes through hooks.
    pub(super) fn is_open(&self) -> bool {
        !self.closed.get()
    }

    /// More went to the client.
    pub(crate) fn passed(&self, bytes: &[u8]) {
        self.passed.set(self.passed.get() + bytes.len() as u64);
        let mut kept = self.kept.borrow_mut();
        // One byte more than is kept says that it was longer.
        let room = (self.limit.get() + 1).saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// A hook stopped the answer.
    pub(crate) fn fail(&self, kind: Kind) {
        self.failure.set(Some(kind));
    }

    /// The answer has gone through; the ticket, where it was finished before.
    pub(crate) fn close(&self) -> Option<Ticket> {
        self.closed.set(true);
        self.ticket.take()
    }

    pub(super) fn failure(&self) -> Option<Kind> {
        self.failure.get()
    }

    /// What the client got of a stream, and how long it was.
    pub(super) fn poured(&self) -> (BytesMut, u64) {
        (self.kept.take(), self.passed.get())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_stage_are_one_line() {
        let tally = Tally::default();
        assert_eq!(tally.json(), None);
        let times = Times { run: Duration::from_micros(5), ..Times::default() };
        let hook: Arc<str> = "mask".into();
        tally.add(&hook, Stage::Event, HookOutcome::Changed, 3, times, None);
        tally.add(&hook, Stage::Event, HookOutcome::Passed, 2, times, None);
        tally.add(&hook, Stage::Request, HookOutcome::Raised, 1, times, Some(&"ü".repeat(300)));
        let said: serde_json::Value = serde_json::from_str(&tally.json().unwrap()).unwrap();
        assert_eq!(said[0]["events"], 5);
        assert_eq!((&said[0]["outcome"], &said[0]["us"]), (&"changed".into(), &10.into()));
        assert_eq!(said[1]["error"].as_str().unwrap().chars().count(), 100);
        assert!(said[1].get("events").is_none());
    }
}
