//! What is known of a request afterwards: one record, and metrics with bounded labels.

mod attempt;
mod buckets;
mod capture;
mod hooked;
mod id;
mod kept;
mod metrics;
mod parking;
mod recorder;
mod ticket;

pub(crate) use attempt::Attempt;
pub(crate) use capture::Capture;
pub(crate) use hooked::{HookFigures, HookOutcome, HookReport, Stage};
pub(crate) use id::request_id;
pub(crate) use metrics::Metrics;
pub(crate) use metrics::Totals;
pub(crate) use parking::{Parking, Tally};
pub(crate) use recorder::Recorder;
pub(crate) use ticket::{Outcome, Ticket};
