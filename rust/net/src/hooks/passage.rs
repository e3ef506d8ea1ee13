//! One request's way through its hooks: a request in their order, its answer in the reverse one.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ferrogate_core::snapshot::{HookChain, HookRules};
use ferrogate_core::{GatewayError, Kind};

use super::facts::{AnswerFacts, Facts, lines};
use super::hook::{Fault, Hook};
use super::job::{Change, Input, Output, Times};
use super::set::Hooks;
use crate::observe::{HookOutcome, Parking, Stage, Tally};

/// What was found of a request when its passage begins.
pub(crate) struct Seen<'a> {
    pub(crate) facts: Facts,
    pub(crate) headers: &'a http::HeaderMap,
}

/// What is wrong with a body that a hook made.
pub(crate) type Check<'a> = &'a dyn Fn(&Bytes) -> Result<(), &'static str>;

/// The hooks of one request.
pub(crate) struct Passage {
    links: Box<[Link]>,
    facts: Arc<Facts>,
    pub(crate) tally: Rc<Tally>,
    /// Holds the request's record back until its answer has gone through.
    pub(crate) parking: Rc<Parking>,
}

struct Link {
    /// None where the code of an older configuration is gone.
    hook: Option<Arc<Hook>>,
    rules: HookRules,
}

impl Link {
    fn name(&self) -> Arc<str> {
        self.hook.as_ref().map_or_else(|| "unknown".into(), |hook| Arc::clone(&hook.name))
    }
}

impl Passage {
    pub(crate) fn begin(chain: &HookChain, hooks: &Hooks, seen: Seen<'_>) -> Self {
        let Seen { mut facts, headers } = seen;
        facts.headers = lines(headers);
        let links = chain.iter().map(|rules| Link { hook: hooks.get(rules.id), rules: *rules }).collect();
        Self { links, facts: Arc::new(facts), tally: Rc::default(), parking: Rc::default() }
    }

    /// Whether any hook sees whole answers.
    pub(crate) fn sees_answers(&self) -> bool {
        self.links.iter().any(|link| link.rules.stages.response)
    }

    /// Whether any hook sees events.
    pub(crate) fn sees_events(&self) -> bool {
        self.links.iter().any(|link| link.rules.stages.event)
    }

    /// Runs a request through; the new body, where there is one, and the headers beside. `check` says what is wrong with a
    /// body that a hook made.
    pub(crate) async fn request(&self, body: Bytes, check: Check<'_>) -> Result<Change, GatewayError> {
        let links = self.links.iter().filter(|link| link.rules.stages.request);
        self.body(links, Stage::Request, body, None, check).await
    }

    /// Runs a whole answer through.
    pub(crate) async fn response(
        &self,
        body: Bytes,
        answer: &Arc<AnswerFacts>,
        check: Check<'_>,
    ) -> Result<Change, GatewayError> {
        let links = self.links.iter().rev().filter(|link| link.rules.stages.response);
        self.body(links, Stage::Response, body, Some(answer), check).await
    }

    async fn body(
        &self,
        links: impl Iterator<Item = &Link>,
        stage: Stage,
        mut body: Bytes,
        answer: Option<&Arc<AnswerFacts>>,
        check: Check<'_>,
    ) -> Result<Change, GatewayError> {
        let mut all = Change::default();
        let checked = |output: &Output| match output {
            Output::Events(_) => Err("it returned a list where one body is asked for"),
            Output::Changed(change) => change.body.as_ref().map_or(Ok(()), check),
            Output::Unchanged | Output::Vetoed(_) => Ok(()),
        };
        for link in links {
            let called = self.call(link, stage, Input::Body(body.clone()), 1, answer, &checked);
            if let Some(Output::Changed(change)) = called.await? {
                if let Some(new) = change.body {
                    body = new.clone();
                    all.body = Some(new);
                }
                all.headers.extend(change.headers);
            }
        }
        Ok(all)
    }

    /// Runs whole events through.
    pub(crate) async fn events(
        &self,
        mut events: Vec<Bytes>,
        answer: &Arc<AnswerFacts>,
    ) -> Result<Vec<Bytes>, GatewayError> {
        let checked = |output: &Output| match output {
            Output::Events(events) if !events.iter().all(|event| is_whole(event)) => {
                Err("it returned what is no whole event: one ends with a blank line")
            }
            Output::Changed(_) => Err("it returned no list of events"),
            _ => Ok(()),
        };
        for link in self.links.iter().rev().filter(|link| link.rules.stages.event) {
            if events.is_empty() {
                break;
            }
            let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
            let input = Input::Events(events.clone());
            let called = self.call(link, Stage::Event, input, count, Some(answer), &checked);
            if let Some(Output::Events(new)) = called.await? {
                events = new;
            }
        }
        Ok(events)
    }

    /// One hook's call; None where it failed and the request goes on as if the hook were not there.
    async fn call(
        &self,
        link: &Link,
        stage: Stage,
        input: Input,
        events: u32,
        answer: Option<&Arc<AnswerFacts>>,
        check: &dyn Fn(&Output) -> Result<(), &'static str>,
    ) -> Result<Option<Output>, GatewayError> {
        let (result, times) = match &link.hook {
            Some(hook) => hook.call(stage, input, &self.facts, answer, link.rules.timeout).await,
            None => (Err(Fault::Gone), Times::default()),
        };
        let result = result.and_then(|output| match check(&output) {
            Ok(()) => Ok(output),
            Err(why) => Err(Fault::Raised(why.to_owned())),
        });
        let outcome = match &result {
            Ok(Output::Unchanged) => HookOutcome::Passed,
            Ok(Output::Changed(_) | Output::Events(_)) => HookOutcome::Changed,
            Ok(Output::Vetoed(_)) => HookOutcome::Vetoed,
            Err(fault) => fault.outcome(),
        };
        if let Some(hook) = &link.hook {
            hook.figures.count(stage, outcome, events, times);
        }
        self.tally.add(&link.name(), stage, outcome, events, times, result.as_ref().err().map(Fault::text));
        match result {
            Ok(Output::Vetoed(message)) => Err(GatewayError::new(Kind::HookVetoed, message)),
            Ok(output) => Ok(Some(output)),
            Err(_) if link.rules.open => Ok(None),
            Err(fault) => Err(failed(&link.name(), &fault)),
        }
    }
}

impl Drop for Passage {
    /// The answer did not get through to its end: the client left.
    fn drop(&mut self) {
        if let Some(ticket) = self.parking.close() {
            ticket.abandon();
        }
    }
}

/// Whether a hook's event is one, or several, or nothing.
fn is_whole(event: &[u8]) -> bool {
    event.is_empty() || [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"].iter().any(|end| event.ends_with(end))
}

/// The client hears which hook it was and not what it raised, which may hold anything.
fn failed(name: &str, fault: &Fault) -> GatewayError {
    let why = match fault {
        Fault::Raised(_) | Fault::Gone => "failed",
        Fault::Late => "took too long",
        Fault::Full | Fault::Hung => "has too much to do; try again",
    };
    GatewayError::new(Kind::HookFailed, format!("The hook \"{name}\" {why}.")).with_cause(fault.text())
}
