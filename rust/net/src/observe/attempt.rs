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
    let _ = write!(out, ",\"state\":\"{}\",\"multiplier\":", lane.standing.name());
    fixed::<1>(lane.multiplier, out);
    member::<1>("ttft_ms", lane.ttft.map(|seconds| seconds * 1e3), out);
    member::<1>("token_ms", lane.pace.map(|seconds| seconds * 1e3), out);
    member::<3>("success", lane.success, out);
    let _ = write!(out, ",\"in_flight\":{},\"waiting\":{},\"weight\":", lane.in_flight, lane.waiting);
    fixed::<3>(lane.weight, out);
    out.extend_from_slice(b",\"ratio\":");
    fixed::<2>(lane.ratio, out);
    out.push(b'}');
}

fn member<const DIGITS: u32>(name: &str, value: Option<f64>, out: &mut Vec<u8>) {
    let _ = write!(out, ",\"{name}\":");
    match value {
        Some(value) => fixed::<DIGITS>(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A number from 0 with so many digits behind the point; several times as fast as the formatting of floats.
fn fixed<const DIGITS: u32>(value: f64, out: &mut Vec<u8>) {
    let unit = 10_u64.pow(DIGITS);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number from 0, saturating"
    )]
    let scaled = (value * unit as f64).round() as u64;
    let _ = write!(out, "{}.{:0width$}", scaled / unit, scaled % unit, width = DIGITS as usize);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_digits() {
        let mut out = Vec::new();
        for value in [0.0, 1.2, 0.04, 12.05, -1.0] {
            fixed::<1>(value, &mut out);
            out.push(b' ');
        }
        fixed::<3>(0.9996, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "0.0 1.2 0.0 12.1 0.0 1.000");
    }
}
