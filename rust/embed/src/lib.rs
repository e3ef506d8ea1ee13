//! Sentence embeddings on the CPU: all-MiniLM-L6-v2 from a folder of weights, and a stand-in for tests.
//!
//! [`Embedder`] reads the folder once and is shared between threads; a call takes one thread, allocates nothing after
//! the first of its length, and needs a [`Scratch`] that the caller keeps. [`Pool`] is a few threads behind a bounded
//! queue. What is stored with a vector is [`Embed::id`]: vectors of two ids must not be compared.
//!
//! What two texts lose on the way to their vectors, so that equal vectors do not mean equal texts:
//! - case, accents, control characters, and how much white space there is;
//! - a word with a character that the vocabulary lacks (most emoji, many scripts) becomes `[UNK]` as a whole, and so
//!   does a word of more than 100 characters;
//! - nothing by length: a text that is too long is [`Error::TooLong`], never cut.

mod error;
mod folder;
mod hashed;
mod kernel;
mod model;
mod pool;
mod tokenizer;
mod weights;

pub use error::Error;
pub use folder::SHA256;
pub use hashed::Hashed;
pub use model::{Embedder, Options, Scratch};
pub use pool::{Full, Pool};
pub use tokenizer::{Tokenizer, Tokens};

/// How many numbers a vector has.
pub const WIDTH: usize = 384;

/// An embedding of length one, or all zeros where there is nothing to embed.
pub type Vector = [f32; WIDTH];

/// What turns a text into a vector.
pub trait Embed: Send + Sync {
    /// The model and the file that it came from. Vectors are comparable where this is equal.
    fn id(&self) -> &str;

    /// The vector of a text. `scratch` is memory that is used again, by any embedder.
    fn embed(&self, text: &str, scratch: &mut Scratch) -> Result<Vector, Error>;
}
