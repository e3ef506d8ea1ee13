//! What the gateway knows without I/O.
//!
//! Pure and deterministic: no sockets, no clock, no source of randomness. Time and random numbers are arguments, so
//! that every rule can be tested exactly. `ferrogate-net` brings the bytes.

pub mod address;
pub mod balance;
pub mod cache;
pub mod conversation;
pub mod convert;
pub mod dialects;
pub mod error;
pub mod json;
pub mod secret;
pub mod snapshot;
pub mod sse;

pub use error::{GatewayError, Kind};
