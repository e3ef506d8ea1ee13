//! What a client wishes of the cache, and which answers may be stored.
//!
//! Both are pure: the first from the request's headers, the second from the answer. An answer that is not what the
//! model would say again when asked again in full is never stored: an error, an answer that was cut off, one that was
//! filtered or refused, one that says nothing.

mod answer;
mod wish;

pub use answer::{Facts, Refused, Rules, judge};
pub use wish::{Ask, CacheControl, Wish};
