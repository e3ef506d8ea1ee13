//! One look-up a word, over all tables.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::stem::stem;
use super::words;

/// A set of words, as a bit.
pub(super) type Set = u16;

pub(super) const FILLER: Set = 1;
pub(super) const AUXILIARY: Set = 1 << 1;
pub(super) const FUNCTION: Set = 1 << 2;
pub(super) const IMPERATIVE: Set = 1 << 3;
pub(super) const NEGATION: Set = 1 << 4;
pub(super) const ABSENCE: Set = 1 << 5;
pub(super) const TIME: Set = 1 << 6;
pub(super) const PERIOD: Set = 1 << 7;
pub(super) const MEASURE: Set = 1 << 8;
pub(super) const COST: Set = 1 << 9;
pub(super) const TASK: Set = 1 << 10;
pub(super) const INFINITIVE: Set = 1 << 11;
pub(super) const UNIT: Set = 1 << 12;
pub(super) const CARDINAL: Set = 1 << 13;
pub(super) const ORDINAL: Set = 1 << 14;
/// Begins a phrase.
const PHRASE: Set = 1 << 15;

const SETS: [(Set, &str); 12] = [
    (FILLER, words::FILLERS),
    (AUXILIARY, words::AUXILIARIES),
    (FUNCTION, words::FUNCTION),
    (IMPERATIVE, words::IMPERATIVES),
    (NEGATION, words::NEGATIONS),
    (ABSENCE, words::ABSENCES),
    (TIME, words::TIMES),
    (PERIOD, words::PERIODS),
    (MEASURE, words::MEASURES),
    (COST, words::COST),
    (TASK, words::TASKS),
    (INFINITIVE, words::INFINITIVE),
];

/// What is known about a word.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry {
    sets: Set,
    /// The number, ordinal or unit it is, in its short form.
    pub(super) short: Option<&'static str>,
    pub(super) synonym: Option<&'static str>,
    /// Which part of a direction follows it.
    pub(super) role: Option<&'static str>,
    /// The verb of a contraction written without its apostrophe.
    pub(super) contracted: Option<&'static str>,
}

impl Entry {
    pub(super) const fn is(self, set: Set) -> bool {
        self.sets & set != 0
    }
}

struct Lexicon {
    entries: HashMap<&'static str, Entry>,
    /// Stems of words, and of what each means in nearly every question.
    stems: HashMap<String, String>,
    phrases: HashMap<&'static str, Vec<(&'static str, &'static str)>>,
}

/// Splits `one>two`.
pub(super) fn couples(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.split_whitespace().filter_map(|couple| couple.split_once('>'))
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut entries: HashMap<&'static str, Entry> = HashMap::new();
    for (set, table) in SETS {
        for word in table.split_whitespace() {
            entries.entry(word).or_default().sets |= set;
        }
    }
    // The first table that knows a word gives its short form.
    for (set, table) in [(CARDINAL, words::NUMBERS), (ORDINAL, words::ORDINALS), (UNIT, words::UNITS)] {
        for (word, short) in couples(table) {
            let entry = entries.entry(word).or_default();
            entry.sets |= set;
            entry.short = entry.short.or(Some(short));
        }
    }
    for (word, synonym) in couples(words::SYNONYMS) {
        entries.entry(word).or_default().synonym = Some(synonym);
    }
    for (word, role) in couples(words::ROLES) {
        entries.entry(word).or_default().role = Some(role);
    }
    for (word, verb) in couples(words::CONTRACTIONS) {
        entries.entry(word).or_default().contracted = Some(verb);
    }
    let mut phrases: HashMap<&'static str, Vec<(&'static str, &'static str)>> = HashMap::new();
    for (phrase, name) in couples(words::PHRASES) {
        if let Some((first, second)) = phrase.split_once('_') {
            entries.entry(first).or_default().sets |= PHRASE;
            phrases.entry(first).or_default().push((second, name));
        }
    }
    Lexicon { entries, stems: stems(), phrases }
});

/// A stem up to this is too many words'.
const SHORT: usize = 3;

/// Lets inflections have the synonym too.
fn stems() -> HashMap<String, String> {
    let mut stems = HashMap::new();
    for (word, synonym) in couples(words::SYNONYMS) {
        let known = stem(word);
        if known.len() > SHORT {
            stems.insert(known, stem(synonym));
        }
    }
    // A word as it stands goes before another one's stem.
    stems.extend(couples(words::SYNONYMS).map(|(word, synonym)| (word.to_owned(), stem(synonym))));
    stems
}

/// The stem of the synonym of a word with this stem.
pub(super) fn by_stem(stem: &str) -> Option<&'static str> {
    LEXICON.stems.get(stem).map(String::as_str)
}

/// What is known about a folded word; nothing about most.
pub(super) fn look(word: &str) -> Entry {
    LEXICON.entries.get(word).copied().unwrap_or_default()
}

/// The name of two words that have one together.
pub(super) fn phrase(first: &str, entry: Entry, second: &str) -> Option<&'static str> {
    if !entry.is(PHRASE) {
        return None;
    }
    let seconds = LEXICON.phrases.get(first)?;
    seconds.iter().find(|(word, _)| *word == second).map(|(_, name)| *name)
}
