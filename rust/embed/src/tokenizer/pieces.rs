//! Words into pieces of the vocabulary: the longest that fits, again and again.

use std::collections::HashMap;

/// A longer word is not looked up.
const LONGEST_WORD: usize = 100;

/// The pieces with their numbers.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// Those that begin a word.
    first: HashMap<Box<str>, u32>,
    /// Those that go on with one, without the `##` in front.
    further: HashMap<Box<str>, u32>,
    unknown: u32,
    /// The longest piece in bytes.
    longest: usize,
}

impl Vocabulary {
    pub(super) fn new<'a>(pieces: impl IntoIterator<Item = (&'a str, u32)>, unknown: u32) -> Self {
        let (mut first, mut further, mut longest) = (HashMap::new(), HashMap::new(), 0);
        for (piece, id) in pieces {
            longest = longest.max(piece.len());
            // A word cannot begin with `##`: both are punctuation, and stand alone.
            match piece.strip_prefix("##").filter(|rest| !rest.is_empty()) {
                Some(rest) => further.insert(rest.into(), id),
                None => first.insert(piece.into(), id),
            };
        }
        Self { first, further, unknown, longest }
    }

    /// Adds the numbers of a word's pieces, or the one for what is unknown: a word with a part that is in no piece, or
    /// that is too long, is unknown as a whole.
    pub(super) fn split(&self, word: &str, out: &mut Vec<u32>) {
        let before = out.len();
        let mut rest = word;
        let mut pieces = &self.first;
        let too_long = word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD;
        while !rest.is_empty() {
            let Some((length, id)) = self.longest_of(pieces, rest).filter(|_| !too_long) else {
                out.truncate(before);
                out.push(self.unknown);
                return;
            };
            out.push(id);
            rest = &rest[length..];
            pieces = &self.further;
        }
    }

    fn longest_of(&self, pieces: &HashMap<Box<str>, u32>, word: &str) -> Option<(usize, u32)> {
        let most = word.len().min(self.longest);
        let mut lengths = (1..=most).rev().filter(|&length| word.is_char_boundary(length));
        lengths.find_map(|length| Some((length, *pieces.get(&word[..length])?)))
    }
}
