//! One lane after the other, until one answers.
//!
//! Nothing reaches the client before the commit, so until then any lane may fail and the next one is tried, inside one
//! deadline.

use std::pin::pin;
use std::time::{Duration, Instant};

use ferrogate_core::balance::{Dice, Hints, backoff};
use ferrogate_core::convert::{Dropped, Pair};
use ferrogate_core::{GatewayError, Kind};
use http::Response;
use http::header::HeaderValue;

use super::attempt::Job;
use super::carry::DROPPED;
use super::cut::unless_cut;
use super::keep::Origin;
use super::kept::{Kept, KeptBody};
use super::plan::{Picked, Plan};
use super::respond::{self, SHOULD_RETRY, gateway_headers};
use super::trial::{Body, Committed, Failure, Trial};
use crate::clock::{self, moment};
use crate::observe::{Attempt, Outcome, Ticket};
use crate::relay::Relay;

/// The way of one request through its lanes.
pub(super) struct Run<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) plan: Plan,
    pub(super) ticket: Ticket,
    pub(super) dice: Dice,
    deadline: Option<Instant>,
    /// The last provider's answer that was none.
    kept: Option<Box<Kept>>,
    failed: u32,
}

/// How it ended without an answer.
enum End {
    Failed(GatewayError),
    /// No lane may be asked before then.
    NotReady(Duration),
}

impl<'a> Run<'a> {
    pub(super) fn new(job: &'a Job<'a>, plan: Plan, ticket: Ticket) -> Self {
        let deadline = job.wishes.timeout.map(|limit| ticket.arrived + limit);
        let dice = Dice::new(job.shard.random());
        Self { job, plan, ticket, dice, deadline, kept: None, failed: 0 }
    }

    /// Runs the request to its commit.
    pub(super) async fn answer(mut self) -> Response<Relay> {
        let mut last = None;
        let end = loop {
            let Some(trial) = self.begin(false) else { break self.no_lane(last) };
            let until = trial.until;
            match self.one(trial).await {
                Ok((trial, committed)) => return self.commit(committed, trial),
                Err(failure) => {
                    if !self.may_go_on(&failure) {
                        break End::Failed(failure.error);
                    }
                    if let Err(error) = self.pause(until).await {
                        break End::Failed(error);
                    }
                    last = Some(failure.error);
                }
            }
        };
        match (end, self.kept.take()) {
            (End::Failed(error), Some(answer)) if is_providers(error.kind) => {
                self.relay_kept(*answer, &error)
            }
            (End::Failed(error), _) => respond::error(self.job.snapshot, &error, self.ticket),
            (End::NotReady(wait), _) => respond::not_ready(self.job.snapshot, wait, self.ticket),
        }
    }

    /// Begins an attempt on the next lane; a `hedge` runs beside another one.
    pub(super) fn begin(&mut self, hedge: bool) -> Option<Trial> {
        let now = Instant::now();
        let Picked { choice, guard, decision } = self.plan.next(moment(now), &mut self.dice)?;
        let until = *self.deadline.get_or_insert(now + choice.provider.timeouts.deadline);
        let at = self.ticket.attempts.len();
        if !hedge {
            self.ticket.goes_on(now);
        }
        self.ticket.attempts.push(Attempt::new(choice.clone(), now, decision, hedge));
        Some(Trial {
            pair: Pair::of(self.job.dialect, self.job.operation, choice.provider.dialect),
            choice,
            guard,
            at,
            begun: now,
            until,
            is_last: !hedge && self.plan.remaining() == 0,
            sent: None,
            headers: None,
            first_content: None,
            stream: false,
            usage: None,
            finish: None,
            hints: Hints::default(),
            dropped: Dropped::default(),
        })
    }

    /// One lane's attempt, with a second one beside it where the route hedges and the first one is late.
    async fn one(&mut self, mut trial: Trial) -> Result<(Trial, Committed), Failure> {
        if let Some(delay) = self.hedge_after(&trial) {
            return Box::pin(self.race(trial, delay)).await;
        }
        let tried = {
            let attempt = pin!(self.job.attempt(&mut trial));
            unless_cut(self.job.shard, attempt).await.unwrap_or_else(|error| Err(error.into()))
        };
        match tried {
            Ok(committed) => Ok((trial, committed)),
            Err(failure) => Err(self.lost(trial, failure)),
        }
    }

    /// Books a failed attempt.
    pub(super) fn lost(&mut self, trial: Trial, mut failure: Failure) -> Failure {
        trial.fail(&failure, &mut self.ticket);
        self.kept = failure.answer.take().or(self.kept.take());
        failure
    }

    fn may_go_on(&mut self, failure: &Failure) -> bool {
        let again = failure.goes_on() && (failure.unsent || self.job.is_repeatable());
        if !again || !self.job.payload.is_here() || self.plan.remaining() == 0 {
            return false;
        }
        self.failed += u32::from(!failure.elsewhere);
        failure.elsewhere || self.plan.may_retry(clock::now())
    }

    /// The second lane is asked at once; later ones after a while, for an outage may be behind it.
    async fn pause(&mut self, until: Instant) -> Result<(), GatewayError> {
        let wait = match self.failed {
            0 | 1 => Duration::ZERO,
            failed => backoff(failed - 1, self.dice.uniform()),
        };
        let passed = || GatewayError::new(Kind::DeadlineExceeded, "The deadline over all attempts passed.");
        if Instant::now() + wait >= until {
            return Err(passed());
        }
        if !wait.is_zero() {
            let sleep = pin!(tokio::time::sleep(wait));
            unless_cut(self.job.shard, sleep).await?;
        }
        Ok(())
    }

    /// Those that are left were told to wait: the last failure is what the client hears of, where there was one.
    fn no_lane(&self, last: Option<GatewayError>) -> End {
        let now = clock::now();
        let back_at = self.plan.route().and_then(|route| route.pool.back_at(now));
        match (last, back_at) {
            (Some(error), _) => End::Failed(error),
            (None, Some(at)) => End::NotReady(at.since(now)),
            (None, None) => End::Failed(GatewayError::new(Kind::Internal, "No lane was left to try.")),
        }
    }

    fn commit(mut self, committed: Committed, mut trial: Trial) -> Response<Relay> {
        let Committed { mut head, body } = committed;
        trial.win(head.status.as_u16(), &mut self.ticket);
        let Trial { guard, dropped, choice, .. } = trial;
        if self.job.keeps || self.ticket.parking.is_some() {
            head.extensions.insert(Origin(choice));
        }
        if !dropped.is_empty()
            && let Ok(names) = HeaderValue::try_from(dropped.header())
        {
            head.headers.insert(DROPPED, names);
        }
        let mut ticket = self.ticket;
        gateway_headers(&mut head.headers, self.job.snapshot, &ticket);
        ticket.status = head.status.as_u16();
        let relay = match body {
            Body::Whole(bytes, outcome) => {
                guard.success(clock::now(), Some(tokens(&ticket, bytes.len())));
                ticket.first_content = Some(Instant::now());
                ticket.answered(&head.headers, &bytes);
                ticket.finish(outcome);
                Relay::whole(bytes)
            }
            Body::Running(running) => {
                ticket.capture.answer_begins(&head.headers);
                running.start(ticket, Some(guard))
            }
        };
        Response::from_parts(head, relay)
    }

    /// No lane is left: the client gets the last provider's answer as it came.
    fn relay_kept(self, answer: Kept, error: &GatewayError) -> Response<Relay> {
        let mut ticket = self.ticket;
        let Kept { mut head, body, .. } = answer;
        if ticket.attempts.len() > 1 {
            head.headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        gateway_headers(&mut head.headers, self.job.snapshot, &ticket);
        ticket.status = head.status.as_u16();
        ticket.error = Some(error.kind);
        let relay = match body {
            KeptBody::Whole(bytes) => {
                ticket.answered(&head.headers, &bytes);
                ticket.finish(Outcome::Error);
                Relay::whole(bytes)
            }
            KeptBody::Longer(running) => {
                ticket.capture.answer_begins(&head.headers);
                running.start(ticket, None)
            }
        };
        Response::from_parts(head, relay)
    }
}

/// Whether the provider's own words say more than the gateway's.
fn is_providers(kind: Kind) -> bool {
    kind.retry() || matches!(kind, Kind::UpstreamRejected | Kind::UpstreamFiltered | Kind::NotSupported)
}

/// Tokens of an answer in one piece, by the provider's count or by its length: some four characters make one.
fn tokens(ticket: &Ticket, bytes: usize) -> u32 {
    let length = || if ticket.operation.puts_out_text() { bytes as u64 / 4 } else { 0 };
    u32::try_from(ticket.usage.map_or_else(length, |usage| usage.output)).unwrap_or(u32::MAX)
}
