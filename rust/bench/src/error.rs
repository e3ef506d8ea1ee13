//! Why a load could not be run at all. What goes wrong with single requests is counted in the report instead.

use std::fmt;

/// The load was not run; the text is a sentence for the user.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An option has no meaning; says which and what it may be.
    Options(String),
    /// The target's name has no address, or nothing accepts connections there.
    Unreachable(String),
    /// The generator's own threads or timers could not be made.
    Generator(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(text) | Self::Unreachable(text) | Self::Generator(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}
