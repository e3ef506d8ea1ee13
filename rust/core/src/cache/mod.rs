//! What the gateway needs to answer from memory: which requests are the same, which answers may be kept, and keeping them.
//!
//! - [`key`]: from a request's body to its exact key and to the scope in which only the last user message may differ.
//! - [`admit`]: what a client wishes, and whether an answer may be stored.
//! - [`store`]: answers in memory, bounded in bytes and in age.
//! - [`guard`]: whether an answer to one text may serve another one that is much alike.
//! - [`wording`]: what of a text is embedded.
//! - [`replay`]: a stream as the whole answer that it was, and a whole answer as a stream.
//! - [`verify`]: whether hits by similarity are right, judged while they are served.
//!
//! For a request: [`admit::Ask`] from its headers, [`key::Reader::read`] from its body, [`store::Store::get`]. A hit
//! is sent as it lies or, where the client asked for a stream, through [`replay::events`]. After an answer:
//! [`replay::whole`] where it was a stream, [`admit::judge`], [`store::Store::put`].

pub mod admit;
pub mod guard;
pub mod key;
pub mod replay;
pub mod store;
pub mod verify;
pub mod wording;
