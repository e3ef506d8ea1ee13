//! The end of a drain, for requests whose answer has not begun.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use ferrogate_core::{GatewayError, Kind};

use crate::shard::Shard;

/// Works until the drain's time is over; whoever says that it is wakes the request's task.
pub(super) async fn unless_cut<F: Future>(
    shard: &Shard,
    mut work: Pin<&mut F>,
) -> Result<F::Output, GatewayError> {
    poll_fn(|cx| {
        if shard.shared.cutting.load(Relaxed) {
            let sentence = "The gateway is shutting down and could not wait for the answer; try again.";
            return Poll::Ready(Err(GatewayError::new(Kind::Draining, sentence)));
        }
        work.as_mut().poll(cx).map(Ok)
    })
    .await
}
