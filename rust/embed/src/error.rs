//! What can go wrong: with the folder when it is read, with a text afterwards.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no embedder, or no vector.
#[derive(Debug)]
pub enum Error {
    /// A file of the folder cannot be read.
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file of the folder is not what this model needs.
    Unsuitable {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The weights are not the ones that are asked for.
    OtherWeights {
        /// The file.
        path: PathBuf,
        /// Its SHA-256, in hexadecimal.
        found: String,
        /// The one that was asked for.
        wanted: String,
    },
    /// The text has more word pieces than the model reads. It is not cut, because two long texts that differ at their
    /// ends would then be the same.
    TooLong {
        /// The most pieces, the two marks at begin and end included.
        limit: usize,
    },
    /// The pool ended before the text was embedded.
    Ended,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, cause } => write!(out, "{} cannot be read: {cause}", path.display()),
            Self::Unsuitable { path, why } => write!(out, "{}: {why}", path.display()),
            Self::OtherWeights { path, found, wanted } => {
                write!(out, "{} has SHA-256 {found}, expected {wanted}", path.display())
            }
            Self::TooLong { limit } => write!(out, "the text has more than {limit} word pieces"),
            Self::Ended => write!(out, "the pool ended before the text was embedded"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
