//! From a text to the numbers of its word pieces, as BERT's uncased models have it.
//!
//! The same numbers as the Python package `tokenizers` gives with the model's tokenizer.json, padding and truncation
//! left aside, including its old Unicode tables; see `golden/`.

mod characters;
mod description;
mod pieces;

use characters::Characters;
pub(crate) use description::Description;
use pieces::Vocabulary;

use crate::Error;

/// Splits texts into word pieces.
#[derive(Debug)]
pub struct Tokenizer {
    characters: Characters,
    vocabulary: Vocabulary,
    /// Marks of the model that texts may contain as they are, such as `[SEP]`.
    marks: Vec<(String, u32)>,
    begin: u32,
    end: u32,
    limit: usize,
}

impl Tokenizer {
    /// From the text of a tokenizer.json, without a limit. Errors: why it is not one of BERT's uncased models.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let description = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        Self::from_description(&description, usize::MAX)
    }

    /// From a tokenizer.json of a model with this many pieces. Its settings for padding and truncation are not read.
    pub(crate) fn from_description(description: &Description, vocabulary: usize) -> Result<Self, String> {
        let (begin, end) = description.ends()?;
        Ok(Self {
            characters: Characters::new(),
            vocabulary: description.vocabulary(vocabulary)?,
            marks: description.marks(),
            begin,
            end,
            limit: usize::MAX,
        })
    }

    /// With a limit of word pieces, the two marks at begin and end included.
    pub(crate) fn limited(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The most pieces of a text, the two marks at begin and end included.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Replaces `out` with the pieces of a text, between the marks for begin and end.
    ///
    /// Errors: [`Error::TooLong`], as soon as that is known, so that a huge text costs no more than one at the limit.
    pub fn tokenize(&self, text: &str, out: &mut Tokens) -> Result<(), Error> {
        out.ids.clear();
        out.word.clear();
        out.ids.push(self.begin);
        let mut rest = text;
        while let Some((at, (mark, id))) = self.next_mark(rest) {
            self.plain(&rest[..at], out)?;
            out.ids.push(*id);
            self.check(out)?;
            rest = &rest[at + mark.len()..];
        }
        self.plain(rest, out)?;
        out.ids.push(self.end);
        Ok(())
    }

    fn next_mark<'a>(&'a self, text: &str) -> Option<(usize, &'a (String, u32))> {
        // Every mark of BERT begins with a bracket, so most texts are looked through once.
        let bracket = text.find('[')?;
        let found =
            self.marks.iter().filter_map(|mark| Some((bracket + text[bracket..].find(&mark.0)?, mark)));
        found.min_by_key(|&(at, _)| at)
    }

    /// A text without marks: its words are runs of letters, and punctuation one by one.
    fn plain(&self, text: &str, out: &mut Tokens) -> Result<(), Error> {
        self.characters.normalise(text, |letter| {
            if letter.is_whitespace() {
                self.end_word(out)
            } else if self.characters.is_punctuation(letter) {
                self.end_word(out)?;
                out.word.push(letter);
                self.end_word(out)
            } else {
                out.word.push(letter);
                Ok(())
            }
        })?;
        self.end_word(out)
    }

    fn end_word(&self, out: &mut Tokens) -> Result<(), Error> {
        if out.word.is_empty() {
            return Ok(());
        }
        self.vocabulary.split(&out.word, &mut out.ids);
        out.word.clear();
        self.check(out)
    }

    /// Whether there is still room for the mark at the end.
    fn check(&self, out: &Tokens) -> Result<(), Error> {
        if out.ids.len() < self.limit { Ok(()) } else { Err(Error::TooLong { limit: self.limit }) }
    }
}

/// The pieces of a text, in memory that the next one uses again.
#[derive(Debug, Default)]
pub struct Tokens {
    ids: Vec<u32>,
    word: String,
}

impl Tokens {
    /// The numbers of the pieces, the marks at begin and end included.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }
}

#[cfg(test)]
mod tests;
