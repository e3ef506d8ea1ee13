//! One try on one lane, and how the log tells of it.

use std::io::Write;
use std::time::{Duration, Instant};

use ferrogate_core::balance::{Class, Considered};
use ferrogate_core::snapshot::Choice;
use ferrogate_core::{Kind, json};

use crate::request::Decided;

/// One try on one lane.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) choice: Choice,
    pub(crate) begun: Instant,
    /// None while it runs.
    pub(super) duration: Option<Duration>,
    status: u16,
    pub(super) error: Option<Kind>,
    class: Option<Class>,
    /// Why this lane, where there was a choice.
    decided: Option<Box<Decided>>,
    /// Sent beside one that was late.
    hedge: bool,
    /// Another one answered first.
    lost: bool,
    /// What its provider could not be told.
    dropped: Option<Box<str>>,
}

impl Attempt {
    pub(crate) fn new(choice: Choice, begun: Instant, decided: Option<Decided>, hedge: bool) -> Self {
        Self {
            choice,
            begun,
            duration: None,
            status: 0,
            error: None,
            class: None,
            decided: decided.map(Box::new),
            hedge,
            lost: false,
            dropped: None,
        }
    }

    pub(crate) fn end(&mut self, status: u16, error: Option<Kind>, class: Option<Class>) {
        (self.status, self.error, self.class) = (status, error, class);
        self.duration = Some(self.begun.elapsed());
    }

    pub(crate) fn is_running(&self) -> bool {
        self.duration.is_none()
    }

    /// Another one answered first: nobody's fault.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
        self.duration = Some(self.begun.elapsed());
    }

    /// The answer that it had brought failed on its way.
    pub(super) fn fail(&mut self, kind: Kind, class: Class) {
        (self.error, self.class) = (Some(kind), Some(class));
    }

    /// More that could not be carried over, on the way back.
    pub(crate) fn lost_on_the_way(&mut self, names: &str) {
        let before = self.dropped.take();
        self.dropped =
            Some(before.map_or_else(|| names.into(), |before| format!("{before}, {names}").into()));
    }

    fn is_worth_telling(&self) -> bool {
        self.error.is_some() || self.decided.is_some() || self.dropped.is_some()
    }

    fn write(&self, out: &mut Vec<u8>) {
        name_lane(&self.choice, out);
        // Writing into memory does not fail.
        let _ = write!(out, ",\"status\":{},\"error\":", self.status);
        quoted(self.error.map(Kind::id), out);
        let _ = write!(out, ",\"duration_us\":{}", self.duration.unwrap_or_default().as_micros());
        if let Some(class) = self.class {
            let _ = write!(out, ",\"class\":\"{}\"", class.name());
        }
        for (holds, name) in [(self.hedge, "hedge"), (self.lost, "lost")] {
            if holds {
                let _ = write!(out, ",\"{name}\":true");
            }
        }
        if let Some(dropped) = &self.dropped {
            out.extend_from_slice(b",\"dropped\":");
            json::escape_into(out, dropped);
        }
        if let Some(decided) = &self.decided {
            write_decided(decided, out);
        }
        out.push(b'}');
    }
}

/// The attempts as a JSON list, where they say more than the row itself.
pub(super) fn attempts_json(attempts: &[Attempt]) -> Option<String> {
    if attempts.len() < 2 && !attempts.iter().any(Attempt::is_worth_telling) {
        return None;
    }
    let mut out = Vec::with_capacity(attempts.len() * 512);
    for attempt in attempts {
        out.push(if out.is_empty() { b'[' } else { b',' });
        attempt.write(&mut out);
    }
    out.push(b']');
    String::from_utf8(out).ok()
}

/// `{"provider":..,"key":..,"model":..`, still open.
fn name_lane(choice: &Choice, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"provider\":");
    json::escape_into(out, &choice.provider.name);
    out.extend_from_slice(b",\"key\":");
    json::escape_into(out, &choice.key().name);
    out.extend_from_slice(b",\"model\":");
    json::escape_into(out, &choice.model);
}

fn quoted(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => json::escape_into(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

fn write_decided(decided: &Decided, out: &mut Vec<u8>) {
    let decision = &decided.decision;
    let _ = write!(out, ",\"reason\":\"{}\",\"lanes\":{}", decision.reason.name(), decision.lanes);
    out.extend_from_slice(b",\"considered\":[");
    for (at, considered) in decision.considered.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_considered(decided.route.choices.get(considered.index), considered, out);
    }
    out.push(b']');
}

fn write_considered(choice: Option<&Choice>, lane: &Considered, out: &mut Vec<u8>) {
    let Some(choice) = choice else {
        out.extend_from_slice(b"{}");
        return;
    };
    name_lane(choice, out);
    let millis = |seconds: Option<f64>, name: &str, out: &mut Vec<u8>| {
        let _ = match seconds {
            Some(seconds) => write!(out, ",\"{name}\":{:.1}", seconds * 1e3),
            None => write!(out, ",\"{name}\":null"),
        };
    };
    let _ = write!(out, ",\"state\":\"{}\",\"multiplier\":{}", lane.standing.name(), lane.multiplier);
    millis(lane.ttft, "ttft_ms", out);
    millis(lane.pace, "token_ms", out);
    let _ = write!(
        out,
        ",\"success\":{:.3},\"in_flight\":{},\"waiting\":{},\"weight\":{:.4},\"ratio\":{:.2}}}",
        lane.success, lane.in_flight, lane.waiting, lane.weight, lane.ratio
    );
}
