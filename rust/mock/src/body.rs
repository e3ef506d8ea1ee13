//! Response bodies: a whole answer, or a stream of events on a clock. Both can break off, and both know when the
//! client left, because a body that is dropped before its end drops its trace.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::record::Trace;

/// An unpaced stream leaves in frames of about this size.
const COALESCE: usize = 16 << 10;
/// What a paced stream allocates at once: room for several events of the usual size.
const BUFFER: usize = 2 << 10;

/// The events of one streamed answer; each call appends whole events.
pub(crate) trait Events: Send {
    /// Content events that [`Events::chunk`] can be asked for.
    fn chunks(&self) -> u32;
    /// Tokens of the whole answer, for pacing.
    fn tokens(&self) -> u64;
    /// What comes before the first content.
    fn open(&mut self, out: &mut BytesMut);
    /// Content event `index`.
    fn chunk(&mut self, index: u32, out: &mut BytesMut);
    /// What comes after the last content.
    fn close(&mut self, out: &mut BytesMut);
    /// The dialect's error event, instead of the rest.
    fn error(&mut self, out: &mut BytesMut);
}

/// When events leave and where the stream breaks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// Before the first event.
    pub(crate) first: Duration,
    /// Between two content events; zero: as fast as the client reads.
    pub(crate) pace: Duration,
    /// Content events in one write, where they are paced; 0 counts as 1.
    pub(crate) batch: u32,
    /// Content events before the connection breaks within an event.
    pub(crate) cut_after: Option<u32>,
    /// Content events before an error event.
    pub(crate) error_after: Option<u32>,
}

/// The body of any answer.
pub(crate) enum MockBody {
    /// All at once.
    Whole { bytes: Bytes, trace: Trace },
    /// The first half, then the connection breaks.
    Half { bytes: Bytes, flushed: bool, trace: Trace },
    /// Events on a clock.
    Stream(Box<EventStream>),
}

impl MockBody {
    pub(crate) fn whole(bytes: Bytes, mut trace: Trace) -> Self {
        if bytes.is_empty() {
            trace.finish();
        }
        Self::Whole { bytes, trace }
    }

    pub(crate) fn half(mut bytes: Bytes, trace: Trace) -> Self {
        bytes.truncate(bytes.len() / 2);
        Self::Half { bytes, flushed: false, trace }
    }

    pub(crate) fn stream(events: Box<dyn Events>, plan: Plan, trace: Trace) -> Self {
        let stream = EventStream {
            events,
            plan,
            trace,
            step: Step::Open,
            unflushed: false,
            start: None,
            timer: None,
            out: BytesMut::new(),
        };
        Self::Stream(Box::new(stream))
    }
}

impl Body for MockBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole { bytes, trace } => {
                trace.finish();
                let bytes = std::mem::take(bytes);
                Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(Frame::data(bytes))) })
            }
            Self::Half { bytes, .. } if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))))
            }
            Self::Half { flushed, .. } if !*flushed => {
                *flushed = true;
                again(cx)
            }
            Self::Half { trace, .. } => {
                trace.finish();
                Poll::Ready(Some(Err(cut())))
            }
            Self::Stream(stream) => stream.poll(cx).map(|frame| frame.map(|result| result.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { bytes, .. } => bytes.is_empty(),
            Self::Half { .. } => false,
            Self::Stream(stream) => stream.step == Step::End,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Self::Half { .. } | Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Hyper writes out what it has when a body is pending, so asking to be polled again at once is a flush.
fn again<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut as scripted")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Open,
    Chunk(u32),
    Close,
    Cut,
    End,
}

/// A stream that renders each event when it is due, so that a slow stream holds no more than one of them.
pub(crate) struct EventStream {
    events: Box<dyn Events>,
    plan: Plan,
    trace: Trace,
    step: Step,
    /// Whether a frame was handed out since the last time that the connection could write.
    unflushed: bool,
    start: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Spare room, shared by the events that are rendered next.
    out: BytesMut,
}

impl EventStream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.step == Step::End {
            return Poll::Ready(None);
        }
        ready!(self.wait(cx));
        let paced = !self.plan.pace.is_zero();
        if self.unflushed && (paced || self.step == Step::Cut) {
            self.unflushed = false;
            return again(cx);
        }
        if self.step == Step::Cut {
            self.step = Step::End;
            self.trace.finish();
            return Poll::Ready(Some(Err(cut())));
        }
        let mut out = std::mem::take(&mut self.out);
        if out.capacity() == 0 {
            out.reserve(if paced { BUFFER } else { COALESCE + BUFFER });
        }
        loop {
            self.render(&mut out);
            let batched = matches!(self.step, Step::Chunk(index) if index > 0 && !self.starts_batch(index));
            if (paced && !batched) || out.len() >= COALESCE || matches!(self.step, Step::Cut | Step::End) {
                break;
            }
        }
        if self.step == Step::End {
            self.trace.finish();
        }
        self.unflushed = true;
        let frame = out.split().freeze();
        self.out = out;
        Poll::Ready(Some(Ok(frame)))
    }

    /// Whether content event `index` begins a write that has to wait; the first one follows the opening at once.
    fn starts_batch(&self, index: u32) -> bool {
        index > 0 && index.is_multiple_of(self.plan.batch.max(1))
    }

    /// Ready when the next event is due.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let after = match self.step {
            Step::Open => self.plan.first,
            Step::Chunk(index) if self.starts_batch(index) => self.plan.first + self.plan.pace * index,
            _ => return Poll::Ready(()),
        };
        if after.is_zero() {
            return Poll::Ready(());
        }
        let due = *self.start.get_or_insert_with(Instant::now) + after;
        match &mut self.timer {
            Some(timer) if timer.deadline() == due => {}
            Some(timer) => timer.as_mut().reset(due),
            none => *none = Some(Box::pin(tokio::time::sleep_until(due))),
        }
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_pending()
        {
            self.unflushed = false;
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Appends the events of one step and moves on.
    fn render(&mut self, out: &mut BytesMut) {
        let sent = match self.step {
            Step::Open => 0,
            Step::Chunk(index) => index,
            Step::Close | Step::Cut | Step::End => self.events.chunks(),
        };
        let reached = |limit: Option<u32>| limit.is_some_and(|limit| limit == sent);
        if reached(self.plan.error_after) {
            self.events.error(out);
            self.step = Step::End;
            return;
        }
        let from = out.len();
        let cut = reached(self.plan.cut_after);
        let next = if sent < self.events.chunks() { Step::Chunk(sent) } else { Step::Close };
        match self.step {
            Step::Open => {
                self.events.open(out);
                self.step = next;
            }
            Step::Chunk(index) => {
                self.events.chunk(index, out);
                self.step =
                    if index + 1 < self.events.chunks() { Step::Chunk(index + 1) } else { Step::Close };
            }
            Step::Close | Step::Cut | Step::End => {
                self.events.close(out);
                self.step = Step::End;
            }
        }
        if cut {
            out.truncate(from + (out.len() - from) / 2);
            self.step = Step::Cut;
        }
    }
}

#[cfg(test)]
mod tests;
