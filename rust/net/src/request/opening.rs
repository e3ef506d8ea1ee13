//! From an answer's headers to its commit.
//!
//! A stream is committed at the first of: an event with content; one second after the first event; the first event
//! where no other lane is left; the end. A JSON answer is committed when it is whole and checked, or too large to hold.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ferrogate_core::dialects::openai::{Answer, Seen};
use ferrogate_core::{GatewayError, Kind};
use tokio::time::{sleep_until, timeout_at};

use super::trial::{Failure, Trial};
use crate::relay::{Events, Running};
use crate::upstream::AnswerBody;

/// After the first event other lanes are worth no longer a wait than this.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than this is not held back for the sake of another lane.
const HELD_BYTES: usize = 1024 * 1024;

fn refused(kind: Kind, message: &'static str) -> Failure {
    Failure::of(GatewayError::new(kind, message))
}

/// A stream before its commit.
pub(super) struct Opening {
    events: Events,
    is_last: bool,
    idle: Duration,
    deadline: Instant,
}

/// What the bytes so far say.
enum Standing {
    /// More is needed.
    Open,
    /// An event came, with nothing in it yet.
    Event,
    /// Commit.
    Content,
}

impl Opening {
    pub(super) fn new(events: Events, trial: &Trial) -> Self {
        let idle = trial.choice.provider.timeouts.idle;
        Self { events, is_last: trial.is_last, idle, deadline: trial.until }
    }

    /// Reads to the commit.
    pub(super) async fn run(
        mut self,
        mut body: AnswerBody,
        until: Option<Instant>,
        trial: &mut Trial,
    ) -> Result<Running, Failure> {
        let mut patience: Option<Instant> = None;
        let mut last = Instant::now();
        loop {
            let wake = self.deadline.min(last + self.idle).min(patience.unwrap_or(self.deadline));
            let read = timeout_at(wake.into(), poll_fn(|cx| self.poll(&mut body, cx))).await;
            let Ok(standing) = read else {
                if patience.is_some_and(|patience| Instant::now() >= patience) {
                    break;
                }
                if Instant::now() >= self.deadline {
                    return Err(refused(Kind::DeadlineExceeded, "The deadline over all attempts passed."));
                }
                return Err(refused(Kind::UpstreamTimeout, "The provider's stream stood still."));
            };
            last = Instant::now();
            match standing? {
                Standing::Open => {}
                Standing::Event if self.is_last => break,
                Standing::Event => patience = patience.or(Some(last + PATIENCE)),
                Standing::Content => {
                    if !self.events.has_failed() {
                        trial.content(last);
                    }
                    break;
                }
            }
        }
        Ok(Running::events(self.events, body, &trial.choice, until))
    }

    fn poll(&mut self, body: &mut AnswerBody, cx: &mut Context<'_>) -> Poll<Result<Standing, Failure>> {
        let frame = std::task::ready!(body.poll_frame(cx));
        Poll::Ready(match frame {
            None => self.ended(),
            Some(Err(_)) => Err(refused(Kind::UpstreamCut, "The provider's stream broke off.")),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.data(data),
                Err(_) => Ok(Standing::Open),
            },
        })
    }

    fn data(&mut self, data: Bytes) -> Result<Standing, Failure> {
        match self.events.push(data) {
            Some(Seen::Error) if !self.is_last && self.events.fault().retries() => {
                let error =
                    GatewayError::new(Kind::UpstreamErrorEvent, "The provider sent an error in its stream.");
                Err(Failure { class: self.events.fault(), ..Failure::of(error) })
            }
            Some(Seen::Content | Seen::Done | Seen::Error) => Ok(Standing::Content),
            Some(Seen::Nothing) if self.events.held() > HELD_BYTES => Ok(Standing::Content),
            Some(Seen::Nothing) => Ok(Standing::Event),
            None if self.events.held() > 0 => Ok(Standing::Content),
            None => Ok(Standing::Open),
        }
    }

    /// The provider ended its stream without any content: complete where it says so, else the lane's failure.
    fn ended(&mut self) -> Result<Standing, Failure> {
        self.events.end();
        if self.events.is_complete() || (self.is_last && self.events.has_failed()) {
            return Ok(Standing::Content);
        }
        Err(refused(Kind::UpstreamCut, "The provider's stream ended before its answer."))
    }
}

/// A JSON answer.
pub(super) enum Json {
    /// Whole and checked.
    Whole(Bytes, Answer),
    /// Too large to hold: its start, and the rest to come.
    Large(Bytes, AnswerBody),
}

/// Collects a JSON answer up to `cap` bytes and checks that it is whole.
pub(super) async fn whole_json(body: AnswerBody, cap: usize, until: Instant) -> Result<Json, Failure> {
    let bytes = match gather(body, cap, until).await? {
        Gathered::Whole(bytes) => bytes,
        Gathered::Longer(start, rest) => return Ok(Json::Large(start, rest)),
    };
    match Answer::read(&bytes) {
        Ok(answer) => Ok(Json::Whole(bytes, answer)),
        Err(invalid) => Err(Failure::of(
            GatewayError::new(Kind::UpstreamInvalid, "The provider's answer is not whole JSON.")
                .with_cause(format!("{} at byte {}", invalid.what, invalid.offset)),
        )),
    }
}

/// What was read of a body.
pub(super) enum Gathered {
    /// All of it.
    Whole(Bytes),
    /// Its start, which is longer than what may be held, and the rest.
    Longer(Bytes, AnswerBody),
}

/// Collects a body until it ends or has more than `cap` bytes.
pub(super) async fn gather(mut body: AnswerBody, cap: usize, until: Instant) -> Result<Gathered, Failure> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut late = std::pin::pin!(sleep_until(until.into()));
    let join = |first: Bytes, rest: BytesMut| if rest.is_empty() { first } else { rest.freeze() };
    loop {
        let frame = poll_fn(|cx| match body.poll_frame(cx) {
            Poll::Pending => late.as_mut().poll(cx).map(|()| None),
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
        });
        match frame.await {
            None => return Err(refused(Kind::UpstreamTimeout, "The provider's answer took too long.")),
            Some(None) => return Ok(Gathered::Whole(join(first, rest))),
            Some(Some(Err(_))) => {
                return Err(refused(Kind::UpstreamCut, "The provider's answer broke off."));
            }
            Some(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                if first.is_empty() {
                    first = data;
                } else {
                    if rest.is_empty() {
                        rest.extend_from_slice(&first);
                    }
                    rest.extend_from_slice(&data);
                }
                if first.len().max(rest.len()) > cap {
                    return Ok(Gathered::Longer(join(first, rest), body));
                }
            }
        }
    }
}
