//! Connections to providers.
//!
//! Every engine thread has a pool of its own, so nothing is locked. An HTTP/1.1 connection has no task: whoever uses it
//! polls it, which is what lets everything that has arrived leave in one write. HTTP/2 connections are shared by many
//! requests and have one task each.

mod body;
mod connect;
mod dial;
mod exchange;
mod latch;
mod multiplexed;
mod pool;
mod proxy;
mod resolve;
mod stream;
mod trust;
mod warm;
mod way;

pub(crate) use body::{Outbound, OutboundState};
pub(crate) use connect::Connector;
pub(crate) use exchange::{Answer, AnswerBody, Broken, send};
pub(crate) use pool::Pool;
pub(crate) use stream::BULK;
pub(crate) use trust::tls_config;
pub(crate) use warm::keep_warm;
