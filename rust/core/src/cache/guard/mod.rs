//! Whether one text's answer may be served for another.
//!
//! Cosine similarity alone serves wrong answers: "turn on dark mode" and "turn off dark mode" are nearer than most
//! paraphrases. [`judge`] looks at both texts and names the rule that forbids; the caller asks it after the similarity
//! passed its threshold.
//!
//! What tells questions apart is structure. Rewording changes the frame of a question; another question changes one
//! place in the same frame. So the two word lists are aligned run by run, and where at least half is common, a gap with
//! something of its own on each side is another question ([`Rule::Slot`]). Numbers, codes, quotations, negations,
//! directions and times must agree wherever they stand.
//!
//! What cannot be judged is forbidden and says so: no words, another script than Latin, over 256 words. Two texts that
//! differ in case, white space and final punctuation only are accepted unread, in any script and length.
//!
//! The words known are English; of German, French, Spanish, Italian, Portuguese and Dutch only negations. Numbers,
//! codes, quotations, names and slots need no vocabulary.
//!
//! Pure and symmetrical; memory is linear in the texts. `ferrogate.reference.guard` is the twin in Python, and
//! `tests/golden/guard.jsonl` holds both to the same verdict.

mod lexicon;
mod lone;
mod pair;
mod particles;
mod payload;
mod question;
mod reader;
mod rules;
mod stem;
#[cfg(test)]
mod tests;
mod text;
mod words;

use pair::Pair;
use text::{Text, normal, plain};

pub use rules::Rule;

/// Words of a text that is still judged.
const LONGEST: usize = 256;

/// What the guard says about serving one text's answer for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No rule forbids it.
    Accept,
    /// This one does, the first of those that would.
    Veto(Rule),
}

/// Judges two texts; the order of the two makes no difference.
pub fn judge(a: &str, b: &str) -> Verdict {
    match veto(&normal(a), &normal(b)) {
        None => Verdict::Accept,
        Some(rule) => Verdict::Veto(rule),
    }
}

fn veto(a: &[char], b: &[char]) -> Option<Rule> {
    let (plain_a, plain_b) = (plain(a), plain(b));
    let (a, b) = if plain_a <= plain_b { (a, b) } else { (b, a) };
    let (a, b) = (Text::read(a), Text::read(b));
    if a.is_empty() || b.is_empty() {
        return Some(Rule::NoWords);
    }
    if plain_a == plain_b {
        return None;
    }
    if a.foreign || b.foreign {
        return Some(Rule::Script);
    }
    if a.words.is_empty() || b.words.is_empty() {
        return Some(Rule::NoWords);
    }
    if a.words.len().max(b.words.len()) > LONGEST {
        return Some(Rule::TooLong);
    }
    rules::first(&Pair::new(a, b))
}
