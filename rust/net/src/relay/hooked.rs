//! A stream on its way through hooks.
//!
//! What has arrived goes to the hooks as one batch, and nothing more is read while they have it: while they work the
//! provider's next events gather where they always do, in the socket. What says of the stream how it ended is not theirs to
//! see or to change: `[DONE]`, and events that tell of an error.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use ferrogate_core::GatewayError;
use ferrogate_core::dialects::openai::{Seen, StreamReader, error_event};
use ferrogate_core::sse::{Found, Splitter, parse};

use super::breaking::Breaking;
use super::{Cut, Source};
use crate::hooks::{AnswerFacts, Passage};
use crate::server::Client;

/// More than this is not taken at once.
const BATCH_BYTES: usize = 64 * 1024;

type Call = Pin<Box<dyn Future<Output = Result<Vec<Bytes>, GatewayError>>>>;

/// One stream.
pub(super) struct Hooked {
    inner: Source,
    passage: Rc<Passage>,
    answer: Arc<AnswerFacts>,
    named: bool,
    splitter: Splitter,
    reader: StreamReader,
    /// What the hooks have; they have one batch at a time.
    call: Option<Call>,
    /// What follows the batch that they have, unseen by them.
    behind: VecDeque<Step>,
    ready: VecDeque<Bytes>,
    ending: Ending,
}

/// What is to be done, in the order in which it came.
enum Step {
    /// For the hooks.
    Events(Vec<Bytes>),
    /// For the client as it is.
    Past(Bytes),
    /// The provider's end.
    End,
    /// The stream broke off, and said so to the client.
    Cut,
}

enum Ending {
    Open,
    Over,
    /// The inner stream did what there was to do before the cut.
    Cut,
    /// A hook stopped it.
    Breaking(Breaking),
}

impl Hooked {
    pub(super) fn new(inner: Source, passage: Rc<Passage>, answer: Arc<AnswerFacts>, named: bool) -> Self {
        Self {
            inner,
            passage,
            answer,
            named,
            splitter: Splitter::default(),
            reader: StreamReader::default(),
            call: None,
            behind: VecDeque::new(),
            ready: VecDeque::new(),
            ending: Ending::Open,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.ending, Ending::Over) && self.ready.is_empty()
    }

    /// The next bytes for the client.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: Option<&Client>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                self.passage.parking.passed(&bytes);
                if self.is_over() {
                    drop(self.passage.parking.close());
                }
                return Poll::Ready(Some(Ok(bytes)));
            }
            if let Some(call) = &mut self.call {
                let done = std::task::ready!(call.as_mut().poll(cx));
                self.call = None;
                match done {
                    Ok(events) => self.ready.extend(events.into_iter().filter(|event| !event.is_empty())),
                    Err(error) => self.stop(&error),
                }
                continue;
            }
            match self.behind.pop_front() {
                Some(Step::Events(events)) => self.hand_over(events),
                Some(Step::Past(bytes)) => self.ready.push_back(bytes),
                Some(Step::End) => {
                    self.ending = Ending::Over;
                    drop(self.passage.parking.close());
                }
                Some(Step::Cut) => {
                    self.ending = Ending::Cut;
                    drop(self.passage.parking.close());
                }
                None => match &mut self.ending {
                    Ending::Open => std::task::ready!(self.read(cx, client)),
                    Ending::Over => return Poll::Ready(None),
                    Ending::Cut => return Poll::Ready(Some(Err(Cut))),
                    Ending::Breaking(breaking) => return breaking.poll(client).map(Some),
                },
            }
        }
    }

    /// Takes all that is there; pending where nothing is.
    fn read(&mut self, cx: &mut Context<'_>, client: Option<&Client>) -> Poll<()> {
        let mut taken = 0;
        while taken < BATCH_BYTES {
            match self.inner.poll(cx, client) {
                Poll::Pending if taken == 0 => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(None) => {
                    self.finish();
                    self.behind.push_back(Step::End);
                    break;
                }
                Poll::Ready(Some(Err(Cut))) => {
                    self.behind.push_back(Step::Cut);
                    break;
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        taken += data.len();
                        self.split(data);
                    }
                }
            }
        }
        Poll::Ready(())
    }

    fn split(&mut self, data: Bytes) {
        let Self { splitter, reader, behind, .. } = self;
        // An event that is too long to be held has no whole for a hook to see, and passes as it comes.
        let ended = RefCell::new(VecDeque::new());
        splitter.push(
            data,
            |event| {
                ended.borrow_mut().push_back(match event {
                    Found::Whole(bytes) => Some((bytes.len(), is_past(bytes, reader))),
                    Found::Long { .. } => None,
                });
            },
            |mut bytes| {
                while !bytes.is_empty() {
                    let next = ended.borrow_mut().pop_front();
                    match next {
                        Some(Some((length, past))) if length <= bytes.len() => {
                            sort(behind, bytes.split_to(length), past);
                        }
                        _ => behind.push_back(Step::Past(std::mem::take(&mut bytes))),
                    }
                }
            },
        );
    }

    /// What stands at the end without a blank line is no event, and passes.
    fn finish(&mut self) {
        let rest = self.splitter.finish(|_| {});
        self.behind.extend(rest.filter(|rest| !rest.is_empty()).map(Step::Past));
    }

    fn hand_over(&mut self, events: Vec<Bytes>) {
        let (passage, answer) = (Rc::clone(&self.passage), Arc::clone(&self.answer));
        self.call = Some(Box::pin(async move { passage.events(events, &answer).await }));
    }

    /// A hook stops the stream: the client is told, and the provider is asked for no more.
    fn stop(&mut self, error: &GatewayError) {
        self.passage.parking.fail(error.kind);
        drop(self.passage.parking.close());
        self.inner = Source::Whole(Bytes::new());
        self.behind.clear();
        self.ready.push_back(error_event(error, self.named).into());
        self.ending = Ending::Breaking(Breaking::Begun);
    }
}

impl Drop for Hooked {
    fn drop(&mut self) {
        if let Some(ticket) = self.passage.parking.close() {
            ticket.abandon();
        }
    }
}

fn sort(behind: &mut VecDeque<Step>, event: Bytes, past: bool) {
    match behind.back_mut() {
        _ if past => behind.push_back(Step::Past(event)),
        Some(Step::Events(events)) => events.push(event),
        _ => behind.push_back(Step::Events(vec![event])),
    }
}

/// Whether an event is none of the hooks' business.
fn is_past(event: &[u8], reader: &mut StreamReader) -> bool {
    reader.found(Found::Whole(event)) == Seen::Error
        || parse(event).data.is_some_and(|data| data.trim_ascii() == b"[DONE]")
}
