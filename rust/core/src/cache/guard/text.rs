//! A text taken apart: words, symbols, quotations, and where a payload begins.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::lexicon::{self, AUXILIARY, CARDINAL, Entry, FILLER, FUNCTION, IMPERATIVE, ORDINAL, Set};
use super::reader::Reader;
use super::stem::stem;

/// One word.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read by a rule")]
pub(super) struct Word {
    /// Folded.
    pub(super) text: String,
    /// What it is compared by.
    pub(super) key: Cow<'static, str>,
    entry: Entry,
    pub(super) capital: bool,
    /// A clause begins with it.
    pub(super) opens: bool,
    pub(super) number: bool,
    /// Letters and figures mixed, or an identifier.
    pub(super) code: bool,
    /// More than grammar.
    pub(super) content: bool,
    /// The other text has no counterpart.
    pub(super) lone: bool,
    /// A genitive: what it owns follows.
    pub(super) owns: bool,
}

impl Word {
    /// Looks a folded word up.
    pub(super) fn new(text: String, capital: bool, opens: bool) -> Self {
        let entry = lexicon::look(&text);
        let mut signless = text.strip_prefix('-').unwrap_or(&text).chars();
        let figure = signless.all(|char| char.is_ascii_digit() || matches!(char, '.' | ',' | ':'));
        let ordinal = ordinal(&text);
        let place = entry.is(ORDINAL) || ordinal.is_some();
        let key = match (entry.short, ordinal) {
            (Some(short), _) => Cow::Borrowed(short),
            (None, Some(figures)) => Cow::Owned(figures.to_owned()),
            (None, None) if figure => Cow::Owned(text.clone()),
            (None, None) => {
                let stem = stem(entry.synonym.unwrap_or(&text));
                lexicon::by_stem(&stem).map_or(Cow::Owned(stem), Cow::Borrowed)
            }
        };
        let grammar = entry.is(FUNCTION | FILLER | AUXILIARY) || (opens && entry.is(IMPERATIVE));
        Self {
            key,
            capital,
            opens,
            number: figure || place || entry.is(CARDINAL),
            code: text.contains('_') || (!figure && !place && text.bytes().any(|byte| byte.is_ascii_digit())),
            content: !grammar,
            lone: false,
            owns: false,
            entry,
            text,
        }
    }

    pub(super) fn is(&self, set: Set) -> bool {
        self.entry.is(set)
    }

    pub(super) fn synonym(&self) -> Option<&'static str> {
        self.entry.synonym
    }

    pub(super) fn role(&self) -> Option<&'static str> {
        self.entry.role
    }

    /// The name that it has together with the word after it.
    pub(super) fn phrase(&self, next: &str) -> Option<&'static str> {
        lexicon::phrase(&self.text, self.entry, next)
    }
}

/// The figures of an ordinal that is written in figures.
fn ordinal(word: &str) -> Option<&str> {
    let endings = ["st", "nd", "rd", "th"];
    let figures = endings.iter().find_map(|ending| word.strip_suffix(ending))?;
    (!figures.is_empty() && figures.bytes().all(|byte| byte.is_ascii_digit())).then_some(figures)
}

/// A text taken apart.
#[derive(Default)]
pub(super) struct Text {
    pub(super) words: Vec<Word>,
    /// Symbols that mean something: operators, brackets, emoji.
    pub(super) symbols: Vec<char>,
    /// What stands in quotation marks, as ranges of `words`.
    pub(super) quotes: Vec<Range<usize>>,
    /// Where in `words` begins what a colon or the end of a line announced.
    pub(super) payload: Option<usize>,
    /// Has a question mark.
    pub(super) asks: bool,
    /// Has letters of another script.
    pub(super) foreign: bool,
}

impl Text {
    /// Takes a text apart that [`normal`] made.
    pub(super) fn read(text: &[char]) -> Self {
        Reader::new(text).run()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.symbols.is_empty() && !self.foreign
    }
}

/// Composes letters and writes spaces, dashes and quotation marks of one kind alike.
pub(super) fn normal(text: &str) -> Vec<char> {
    let alike = |char| match char {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' => Some('\''),
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' | '`' => Some('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '\t'
        | '\r'
        | '\u{b}'
        | '\u{c}'
        | '\u{1c}'..='\u{1f}'
        | '\u{85}'
        | '\u{a0}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}' => Some(' '),
        '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}' | '\u{fe0f}' => None,
        '\u{2026}' => Some('.'),
        other => Some(other),
    };
    if text.is_ascii() {
        text.chars().filter_map(alike).collect()
    } else {
        text.nfc().filter_map(alike).collect()
    }
}

/// A text without what never matters: case, white space, final punctuation.
pub(super) fn plain(text: &[char]) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text {
        if !matches!(char, ' ' | '\n') {
            plain.extend(char.to_lowercase());
        } else if !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    let end = plain.trim_end_matches([' ', '.', '!', '?']).len();
    plain.truncate(end);
    plain
}
