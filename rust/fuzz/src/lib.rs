//! Fuzz targets: each is a function of bytes that panics where the code under test breaks its word.
//!
//! `tests/targets.rs` feeds them on stable Rust, from a corpus and a mutator that knows JSON; `fuzz/` in the root of the
//! repository feeds the same functions with libFuzzer. An input that once failed belongs into `corpus/NAME/`, which is
//! checked first in every run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a target says that it was broken")]

mod framing;
mod journal;
mod json;
mod lab;
pub mod mutate;
mod scan_oracle;
mod snapshot;
mod sse;
mod wire;

/// One thing to be fuzzed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and the folder of its corpus.
    pub name: &'static str,
    /// Panics where an input breaks it.
    pub check: fn(&[u8]),
    /// Inputs a quick run tries.
    pub cases: u32,
    /// What a mutation may insert: the words of its grammar.
    pub words: &'static [&'static str],
}

/// All targets.
pub const TARGETS: [Target; 6] = [
    Target { name: "json", check: json::check, cases: 4000, words: json::WORDS },
    Target { name: "sse", check: sse::check, cases: 1000, words: sse::WORDS },
    Target { name: "snapshot", check: snapshot::check, cases: 600, words: json::WORDS },
    Target { name: "journal", check: journal::check, cases: 300, words: &[] },
    Target { name: "request", check: framing::request, cases: 300, words: framing::WORDS },
    Target { name: "answer", check: framing::answer, cases: 300, words: framing::WORDS },
];

/// The target of that name.
///
/// # Panics
/// Where there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap()
}
