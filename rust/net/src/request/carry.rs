//! A request that goes to a provider of another dialect, and its answer on the way back; and one that a provider of the
//! same dialect takes with a few members changed.

use std::time::Instant;

use bytes::Bytes;
use ferrogate_core::convert::{self, Dropped, Pair, Refusal, Stamp, Stream, Target};
use ferrogate_core::dialects::{Operation, openai};
use ferrogate_core::snapshot::Choice;
use ferrogate_core::{GatewayError, Kind};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::response;

use super::attempt::Job;
use super::kept::{masked, relabel};
use super::opening::{Gathered, gather};
use super::trial::{Body, Committed, Failure, Trial};
use crate::observe::Outcome;
use crate::upstream::AnswerBody;

/// Names what could not be carried over.
pub(super) const DROPPED: HeaderName = HeaderName::from_static("x-gateway-dropped");
/// An answer must be whole before it can be converted, and no longer than this.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// A request in a provider's dialect.
pub(super) struct Carried {
    pub(super) pair: Pair,
    pub(super) body: Bytes,
    /// The id of its answer in the client's dialect.
    id: String,
    created: u64,
    stream_usage: bool,
}

impl Job<'_> {
    /// Converts the request for one lane.
    pub(super) fn carry(&self, pair: Pair, trial: &mut Trial) -> Result<Carried, Failure> {
        let Some(bytes) = self.payload.bytes() else {
            let message = "A body that is streamed through cannot be converted for this provider.";
            return Err(Failure::unasked(GatewayError::new(Kind::NotSupported, message), true));
        };
        let converted = convert::request(pair, bytes, &Target::of(&trial.choice.model));
        let converted = converted.map_err(|refusal| {
            let elsewhere = !matches!(refusal, Refusal::Malformed(_));
            Failure::unasked(refusal.into(), elsewhere)
        })?;
        self.lose(converted.dropped, trial)?;
        Ok(Carried {
            pair,
            body: converted.body.into(),
            id: format!("chatcmpl-{}", String::from_utf8_lossy(&self.id)),
            created: self.shard.clock.unix_ms(trial.begun) / 1000,
            stream_usage: converted.stream_usage,
        })
    }

    /// The body as a provider with quirks takes it; None where it is taken as it is.
    pub(super) fn fit(&self, trial: &mut Trial) -> Result<Option<Bytes>, Failure> {
        let Choice { provider, model, .. } = &trial.choice;
        let quirks = provider.quirks.as_ref().filter(|_| self.operation == Operation::ChatCompletions);
        let Some(fitted) = quirks.and_then(|quirks| self.payload.fit(quirks, model)) else {
            return Ok(None);
        };
        let mut dropped = Dropped::default();
        for name in fitted.dropped {
            dropped.push(name);
        }
        self.lose(dropped, trial)?;
        Ok(Some(fitted.body.into()))
    }

    /// Notes what the provider is not told, where the client did not ask for all or nothing.
    fn lose(&self, dropped: Dropped, trial: &mut Trial) -> Result<(), Failure> {
        if self.wishes.strict && !dropped.is_empty() {
            let message = format!(
                "The provider \"{}\" cannot be told: {}. Leave these out, or send no x-gateway-strict.",
                trial.choice.provider.name,
                dropped.header()
            );
            return Err(Failure::unasked(GatewayError::new(Kind::InvalidRequest, message), true));
        }
        trial.dropped = dropped;
        Ok(())
    }

    /// The whole answer in the client's dialect.
    pub(super) async fn carry_back(
        &self,
        carried: &Carried,
        mut head: response::Parts,
        body: AnswerBody,
        until: Instant,
        trial: &mut Trial,
    ) -> Result<Committed, Failure> {
        let Gathered::Whole(bytes) = gather(body, ANSWER_LIMIT, until).await? else {
            let message = "The provider's answer is too long to be converted.";
            return Err(GatewayError::new(Kind::UpstreamInvalid, message).into());
        };
        let stamp = carried.stamp(&trial.choice);
        let converted = convert::answer(carried.pair, &bytes, &stamp, &mut trial.dropped);
        let converted = converted.map_err(|refusal| Failure::of(refusal.into()))?;
        let answer = openai::Answer::read(&converted).unwrap_or_default();
        (trial.usage, trial.finish) = (answer.usage, answer.finish);
        let bytes = masked(converted.into(), trial.choice.key().secret.as_ref());
        relabel(&mut head.headers);
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        Ok(Committed { head, body: Body::Whole(bytes, Outcome::Ok) })
    }
}

impl Carried {
    /// The events of the answer, in the client's dialect.
    pub(super) fn stream(&self, choice: &Choice) -> Stream {
        Stream::new(self.pair, &self.stamp(choice), self.stream_usage)
    }

    fn stamp<'a>(&'a self, choice: &'a Choice) -> Stamp<'a> {
        Stamp { id: &self.id, created: self.created, model: &choice.model }
    }
}
