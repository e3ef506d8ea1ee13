//! A second lane for a request whose first one is late: whoever answers first wins, the other one is cancelled.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use ferrogate_core::GatewayError;
use tokio::time::sleep_until;

use super::attempt::Job;
use super::cut::unless_cut;
use super::run::Run;
use super::trial::{Committed, Failure, Trial};
use crate::clock;

/// An attempt that ended.
type Ended = (Trial, Result<Committed, Failure>);

impl Run<'_> {
    /// After how long a second lane is asked; None where none may be.
    pub(super) fn hedge_after(&self, trial: &Trial) -> Option<Duration> {
        let route = self.plan.route()?;
        route.sending.hedge?;
        let may = self.job.operation.is_inference() && self.job.payload.bytes().is_some();
        if !may || self.plan.remaining() == 0 {
            return None;
        }
        trial.guard.lane().hedge_delay(clock::now(), !self.job.payload.stream)
    }

    /// Runs an attempt, and a second one from `delay` on.
    pub(super) async fn race(
        &mut self,
        trial: Trial,
        delay: Duration,
    ) -> Result<(Trial, Committed), Failure> {
        let (job, first_at, begun) = (self.job, trial.at, trial.begun);
        let mut first = Box::pin(attempt(job, trial));
        let mut late = pin!(sleep_until((begun + delay).into()));
        let early = pin!(poll_fn(|cx| match first.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending => late.as_mut().poll(cx).map(|()| None),
        }));
        match unless_cut(job.shard, early).await {
            Ok(None) => {}
            Ok(Some(ended)) => return self.book(Ok(ended)),
            Err(error) => return self.book(Err(error)),
        }
        let Some(second) = self.begin_hedge() else {
            let ended = unless_cut(job.shard, first.as_mut()).await;
            return self.book(ended);
        };
        let (second_at, later) = (second.at, second.begun.saturating_duration_since(begun));
        let mut second = Box::pin(attempt(job, second));
        let (ended, mut is_first) = {
            let both = pin!(either(first.as_mut(), second.as_mut()));
            match unless_cut(job.shard, both).await {
                Ok((ended, is_first)) => (Ok(ended), is_first),
                Err(error) => return self.book(Err(error)),
            }
        };
        let (mut rest, rest_at) = if is_first { (second, second_at) } else { (first, first_at) };
        let won = if let Ok(won) = self.book(ended) {
            self.ticket.attempts[rest_at].lose();
            won
        } else {
            is_first = !is_first;
            let ended = unless_cut(job.shard, rest.as_mut()).await;
            self.book(ended)?
        };
        if !is_first {
            self.ticket.waited += later;
        }
        Ok(won)
    }

    fn begin_hedge(&mut self) -> Option<Trial> {
        let may = self.plan.route().is_some_and(|route| route.hedges.take(clock::now()));
        if may { self.begin(true) } else { None }
    }

    /// Keeps the books of an attempt that ended, or of all that ran when the gateway ended.
    fn book(&mut self, ended: Result<Ended, GatewayError>) -> Result<(Trial, Committed), Failure> {
        match ended {
            Ok((trial, Ok(committed))) => Ok((trial, committed)),
            Ok((trial, Err(failure))) => Err(self.lost(trial, failure)),
            Err(error) => {
                for attempt in self.ticket.attempts.iter_mut().filter(|attempt| attempt.is_running()) {
                    attempt.end(0, Some(error.kind), None);
                }
                Err(error.into())
            }
        }
    }
}

/// One attempt with what it works on, so that it can run beside another one.
async fn attempt(job: &Job<'_>, mut trial: Trial) -> Ended {
    let ended = job.attempt(&mut trial).await;
    (trial, ended)
}

/// Whichever ends first.
async fn either<A: Future<Output = Ended>>(mut one: Pin<&mut A>, mut other: Pin<&mut A>) -> (Ended, bool) {
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready((ended, true)),
        Poll::Pending => other.as_mut().poll(cx).map(|ended| (ended, false)),
    })
    .await
}
