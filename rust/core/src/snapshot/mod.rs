//! Everything the engine knows, compiled from the one document that Python hands over.

mod access;
mod compile;
mod hooks;
mod provider;
mod reach;
mod resolve;
mod routes;
mod schema;
mod target;

pub use access::{Access, Principal};
pub use compile::{Limits, PayloadRules, Rejected, Snapshot};
pub use hooks::{HookChain, HookRules, HookStages};
pub use provider::{Key, Provider, Timeouts};
pub use reach::{Identity, Pace, Proxy, ProxyScheme, Reach, TlsRules};
pub use resolve::{Asked, Resolved, Tier};
pub use routes::{Caching, Choice, Embedding, EmbeddingModel, Route, Sending, Verifying, no_key};
pub use target::{Target, Trust};
