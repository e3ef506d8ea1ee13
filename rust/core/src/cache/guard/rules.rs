//! The rules, in the order in which they are asked.

use std::collections::{BTreeMap, BTreeSet};

use super::lexicon::{PERIOD, TIME, UNIT};
use super::pair::Pair;
use super::particles::{direction, negation, opposite};
use super::payload::payload;
use super::question::question;
use super::text::{Text, Word};

/// Why an answer is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// One text has no words.
    NoWords,
    /// One text has letters of another script than Latin.
    Script,
    /// One text has more than 256 words.
    TooLong,
    /// Numbers, ordinals or their units differ.
    Number,
    /// Codes, identifiers or symbols differ.
    Code,
    /// A quotation differs, or the text that a prompt brings along.
    Payload,
    /// One text says "not" and the other does not.
    Negation,
    /// On against off, locked against unlocked, start against stop.
    Opposite,
    /// From here to there against from there to here; the same words in another order.
    Direction,
    /// Today against tomorrow, this week against last week.
    Time,
    /// One asks who, the other when.
    Question,
    /// Each text has a name that the other lacks.
    Entity,
    /// The same frame with another filling.
    Slot,
    /// One text is the other with something added.
    Addition,
}

type Forbids = fn(&Pair) -> bool;

const ORDER: [(Rule, Forbids); 11] = [
    (Rule::Number, number),
    (Rule::Code, code),
    (Rule::Payload, payload),
    (Rule::Negation, negation),
    (Rule::Opposite, opposite),
    (Rule::Direction, direction),
    (Rule::Time, time),
    (Rule::Question, question),
    (Rule::Entity, entity),
    (Rule::Slot, slot),
    (Rule::Addition, addition),
];

impl Rule {
    /// Every rule, in the order in which they are asked: the first that forbids is named.
    pub const ALL: [Self; 14] = [
        Self::NoWords,
        Self::Script,
        Self::TooLong,
        Self::Number,
        Self::Code,
        Self::Payload,
        Self::Negation,
        Self::Opposite,
        Self::Direction,
        Self::Time,
        Self::Question,
        Self::Entity,
        Self::Slot,
        Self::Addition,
    ];

    /// The stable name, for headers, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoWords => "no_words",
            Self::Script => "script",
            Self::TooLong => "too_long",
            Self::Number => "number",
            Self::Code => "code",
            Self::Payload => "payload",
            Self::Negation => "negation",
            Self::Opposite => "opposite",
            Self::Direction => "direction",
            Self::Time => "time",
            Self::Question => "question",
            Self::Entity => "entity",
            Self::Slot => "slot",
            Self::Addition => "addition",
        }
    }
}

/// The first rule that forbids.
pub(super) fn first(pair: &Pair) -> Option<Rule> {
    ORDER.iter().find(|(_, forbids)| forbids(pair)).map(|(rule, _)| *rule)
}

fn number(pair: &Pair) -> bool {
    let keys = |text: &Text, is_one: bool| {
        // "The first" often goes unsaid, and where it does not, the other rules see the word.
        let counts = |word: &&Word| word.number && word.text != "first" && (word.key == "1") == is_one;
        let numbers = text.words.iter().filter(counts);
        let mut keys: Vec<String> = numbers.map(|word| word.key.clone().into_owned()).collect();
        keys.sort_unstable();
        keys
    };
    if keys(&pair.a, false) != keys(&pair.b, false) {
        return true;
    }
    let (ones_a, ones_b) = (keys(&pair.a, true).len(), keys(&pair.b, true).len());
    let fewer = if ones_a > ones_b { &pair.b } else { &pair.a };
    let spelt = |word: &&Word| matches!(word.text.as_str(), "one" | "first");
    if ones_a.abs_diff(ones_b) > fewer.words.iter().filter(spelt).count() {
        return true;
    }
    let (units_a, units_b) = (measured(&pair.a), measured(&pair.b));
    units_a.iter().any(|(number, unit)| units_b.get(number).is_some_and(|other| other != unit))
}

/// The unit of each number that has one; of a number that stands there twice the last one.
fn measured(text: &Text) -> BTreeMap<&str, &str> {
    let pairs = text.words.windows(2).filter(|pair| pair[0].number && pair[1].is(UNIT));
    pairs.map(|pair| (&*pair[0].key, &*pair[1].key)).collect()
}

fn code(pair: &Pair) -> bool {
    let codes = |text: &Text| {
        let mut codes: Vec<String> = text.words.iter().filter(|w| w.code).map(|w| w.text.clone()).collect();
        let mut symbols = text.symbols.clone();
        codes.sort_unstable();
        symbols.sort_unstable();
        (codes, symbols)
    };
    codes(&pair.a) != codes(&pair.b)
}

fn time(pair: &Pair) -> bool {
    let (a, b) = (times(&pair.a.words), times(&pair.b.words));
    if a.is_empty() || b.is_empty() {
        // "this week" may go unsaid
        return a.union(&b).any(|(word, _)| *word != "this");
    }
    a != b
}

fn times(words: &[Word]) -> BTreeSet<(&str, &str)> {
    let days = words.iter().filter(|word| word.is(TIME)).map(|word| (&*word.key, ""));
    let periods = words.windows(2).filter(|pair| {
        matches!(pair[0].text.as_str(), "this" | "last" | "next" | "past" | "previous") && pair[1].is(PERIOD)
    });
    days.chain(periods.map(|pair| (pair[0].text.as_str(), pair[1].text.as_str()))).collect()
}

fn entity(pair: &Pair) -> bool {
    named(&pair.a.words) && named(&pair.b.words)
}

/// A name stands there alone, in a text that does not write everything in capitals.
fn named(words: &[Word]) -> bool {
    2 * words.iter().filter(|word| word.capital).count() <= words.len()
        && words.iter().any(|word| word.capital && word.lone && word.content && !word.opens)
}

fn lacks<'a>(mut words: impl Iterator<Item = &'a Word>) -> bool {
    words.any(|word| word.lone && word.content)
}

/// Two texts of which half is common, with something of its own on each side of one gap.
fn slot(pair: &Pair) -> bool {
    let (length_a, length_b) = pair.lengths();
    2 * pair.common >= length_a.max(length_b)
        && pair.gaps.iter().any(|gap| lacks(pair.of_a(gap.a.clone())) && lacks(pair.of_b(gap.b.clone())))
}

/// One text within the other, which says more, and not only in a clause before it.
fn addition(pair: &Pair) -> bool {
    let (length_a, length_b) = pair.lengths();
    if pair.common < length_a.min(length_b) {
        return false;
    }
    let first = pair.gaps.first().filter(|gap| gap.a.start == 0 && gap.b.start == 0);
    let lead = first.map_or(0, |gap| gap.a.end.max(gap.b.end));
    let more = |long: Vec<&Word>| {
        let lead = if long.get(lead).is_some_and(|word| word.opens) { lead } else { 0 };
        lacks(long.into_iter().skip(lead))
    };
    if length_b >= length_a {
        more(pair.of_b(0..length_b).collect())
    } else {
        more(pair.of_a(0..length_a).collect())
    }
}
