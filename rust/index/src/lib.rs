//! Nearest vectors by cosine, partitioned by scope, for the semantic cache.
//!
//! [`Index`] is one partition, [`Partitions`] maps scopes to them, [`Store`] keeps them on a disk. Vectors are `f32`
//! slices of one length, which is the index's number of dimensions; only their direction counts. Ids are the caller's;
//! scores are cosines from -1 to 1, counted in f32.
//!
//! A small partition is scanned: each vector is also kept in signed bytes, which are multiplied dozens at a time, and the
//! best few are scored again in f32. A larger one has a graph (HNSW) over the same bytes. What was just inserted is
//! scanned until a background step brings it into the graph, so an insert is quick and found at once.
//!
//! Expiry is the caller's: pass over what is too old in the filter of a search, and remove it when convenient.
//!
//! ```
//! use ferrogate_index::{Partitions, Scope, Tuning};
//!
//! let partitions = Partitions::new(3, Tuning::default());
//! let scope = Scope([0; 32]);
//! partitions.insert(&scope, 7, &[0.0, 3.0, 4.0])?;
//! let hits = partitions.search(&scope, &[0.0, 1.0, 1.0], 1, |_| true)?;
//! assert_eq!(hits[0].id, 7);
//! assert!((hits[0].score - 0.99).abs() < 0.001);
//! # Ok::<(), ferrogate_index::Refused>(())
//! ```

mod dot;
mod graph;
mod index;
mod partitions;
mod ranked;
mod rows;
mod store;
mod vector;

pub use index::{Hit, Index, Tuning};
pub use partitions::{Partitions, Scope};
pub use store::{Model, Opened, Store};
pub use vector::Refused;
