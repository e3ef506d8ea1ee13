//! A scripted provider.
//!
//! Tests, the benchmark and the quick start all need a provider that answers at once, that can be told to misbehave,
//! and that remembers what reached it. This one speaks OpenAI's dialect on its own paths, with or without the `/v1`
//! prefix and below Azure's `/openai/deployments/{model}`, and Anthropic's on `/v1/messages` and below `/anthropic/`;
//! any other path is a 404 in OpenAI's error shape.
//!
//! Behaviour comes, nearest first, from the request's `x-mock-*` headers, the API key's script
//! (`PUT /_mock/keys/{key}`) and the start [`Options`]; the names are those of [`script`]. What arrived, and whether
//! and when the client left, is at `GET /_mock/requests`.
//!
//! It has to outrun what is measured through it: every thread is a shard with its own single-threaded runtime and its
//! own listening socket, request bodies are read in one pass without a tree, and answers are written as bytes.

mod anthropic;
mod behaviour;
mod body;
mod control;
mod keys;
mod openai;
mod options;
mod record;
mod reply;
mod route;
pub mod script;
mod server;
mod service;
mod shelf;
mod socket;
mod text;
mod upload;

pub use options::Options;
pub use server::MockServer;

#[cfg(test)]
mod tests;
