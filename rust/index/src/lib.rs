//! Nearest vectors by cosine, partitioned by scope, for the semantic cache.

mod dot;
mod graph;
mod index;
mod ranked;
mod rows;
mod vector;

pub use index::{Hit, Index, Tuning};
pub use vector::Refused;
