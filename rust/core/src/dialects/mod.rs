//! Wire formats: which paths they have, how their errors look, what their answers say.

pub mod anthropic;
mod climb;
pub mod openai;
mod operation;
mod refusal;
mod route;
mod usage;

pub use climb::climbs;
pub use operation::{Body, Operation};
pub use refusal::Said;
pub use route::{Dialect, Route, is_inference, route};
pub use usage::Usage;
