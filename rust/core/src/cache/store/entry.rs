//! What is kept of an answer.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::super::key::{Form, Key, Scope};
use crate::dialects::Usage;

/// How an answer lies in its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// The JSON document of a whole answer.
    Whole,
    /// The events of a stream as they came, where nothing makes a whole answer of them.
    Events,
}

/// An answer and what is said about it. An entry never changes: a newer answer replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose requests it may answer.
    pub tenant: Box<str>,
    /// The form of the request that it answers, and with it the dialect of `body`.
    pub form: Form,
    /// How the body lies here.
    pub shape: Shape,
    /// The bytes of the answer.
    pub body: Bytes,
    /// The status of the answer.
    pub status: u16,
    /// The content type that the provider gave.
    pub content_type: Box<str>,
    /// The model that answered.
    pub model: Box<str>,
    /// The provider that answered.
    pub provider: Box<str>,
    /// Why the answer ended, in the provider's words.
    pub finish: Option<Box<str>>,
    /// What the answer cost, in tokens; what a hit saves.
    pub usage: Option<Usage>,
    /// The model as it was asked for: an alias, or a provider's.
    pub route: Box<str>,
    /// The beginning of what was asked, for people.
    pub preview: Box<str>,
    /// Milliseconds after which the answer is no longer fresh.
    pub ttl: u64,
    /// What it answers, where requests that mean the same may have it too.
    pub question: Option<Question>,
}

/// What an entry answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What a request has to agree in, its last user message aside.
    pub scope: Scope,
    /// The whole last user message.
    pub text: Box<str>,
}

/// What an entry costs beside its texts: itself, its node and place in the index (both at half load), the headers of its
/// allocations and what an allocator loses to rounding.
const OVERHEAD: usize = mem::size_of::<Entry>() + 2 * super::shard::PLACE + 7 * 16 + 48;

/// What a question costs beside its text: the vector in floats and in bytes, its links, and where it is found.
const VECTOR: usize = 384 * 5 + 320;

impl Entry {
    /// Bytes of memory that it counts for.
    pub fn weight(&self) -> usize {
        let texts =
            [&self.tenant, &self.content_type, &self.model, &self.provider, &self.route, &self.preview];
        let texts: usize = texts.iter().map(|text| text.len()).sum();
        let finish = self.finish.as_ref().map_or(0, |finish| finish.len());
        let question = self.question.as_ref().map_or(0, |question| question.text.len() + VECTOR);
        OVERHEAD + texts + finish + question + self.body.len()
    }
}

/// An answer that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The answer.
    pub entry: Arc<Entry>,
    /// Milliseconds since it was stored.
    pub age: u64,
    /// Whether it is within its TTL, and if not, who fetches a new one.
    pub state: State,
}

/// Whether an answer is within its TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is.
    Fresh,
    /// It is not, but is served while it is fetched anew.
    Stale {
        /// Whether this caller is the one that fetches it. Where no new answer was put within
        /// [`super::REVALIDATION`], another caller is told.
        revalidate: bool,
    },
}

/// An entry as lists show it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// The answer.
    pub entry: Arc<Entry>,
    /// When it was stored, in milliseconds.
    pub stored_at: u64,
    /// How often it was found.
    pub hits: u32,
}

/// Counts since the start, and what is there now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries, expired ones that were not met yet included.
    pub entries: usize,
    /// Their weight in bytes.
    pub bytes: usize,
    /// Found.
    pub hits: u64,
    /// Of these, past their TTL.
    pub stale: u64,
    /// Not found.
    pub misses: u64,
    /// Stored, replacements included.
    pub puts: u64,
    /// Pushed out by others, or not let in for being asked for less often than those there.
    pub evictions: u64,
    /// Removed for their age.
    pub expired: u64,
}

impl Stats {
    /// Adds the counts of another part.
    pub(super) fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.hits += other.hits;
        self.stale += other.stale;
        self.misses += other.misses;
        self.puts += other.puts;
        self.evictions += other.evictions;
        self.expired += other.expired;
    }
}
