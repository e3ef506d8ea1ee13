//! The text that is embedded for a request.
//!
//! People ask for one thing in many frames: "How do I", "Could you tell me how to", "I would like to". What stands in front
//! moves a vector as much as what is asked, so greetings and courtesies go, and the frames that ask for a way become
//! one. The rest stays as it was written.
//!
//! The frames are English, and closed classes: what is asked never stands among them. The guard reads the texts as they
//! came. Vectors of a text and of what [`asked`] makes of it are not comparable in earnest: [`FORM`] belongs to the model's
//! id wherever vectors are kept.
//!
//! `ferrogate.reference.wording` is the twin in Python, and `tests/golden/wording.jsonl` holds both to the same text.

mod frames;
#[cfg(test)]
mod tests;

use frames::{CLOSINGS, COURTESIES, FRAMES, NOUNS, PROCESS};

/// The version of what [`asked`] does.
pub const FORM: &str = "asked/1";

/// Words that must be left.
const SHORTEST: usize = 2;
/// Words of what "what is the ... process" names.
const LONGEST_NAME: usize = 4;

struct Word {
    text: String,
    start: usize,
    end: usize,
    /// Nothing but spaces stands between it and the word before.
    follows: bool,
}

/// The text to embed: without courtesies, in the frame that all share, ending in a question mark.
pub fn asked(text: &str) -> String {
    let words = words(text);
    let mut at = 0;
    loop {
        let next = COURTESIES.iter().map(|pattern| matched(pattern, &words, at)).max().unwrap_or(at);
        if next == at {
            break;
        }
        at = next;
    }
    if let Some(name) = named_process(&words, at) {
        return format!("how to {}?", &text[words[name].start..words[words.len() - 2].end]);
    }
    let frames = FRAMES.iter().map(|(pattern, name)| (matched(pattern, &words, at), *name));
    let (end, frame) = frames.into_iter().find(|(end, _)| *end > at).unwrap_or((at, ""));
    if words.len() - end < SHORTEST {
        return text.to_owned();
    }
    let rest = without_closing(&text[words[end].start..]);
    if frame.is_empty() { format!("{rest}?") } else { format!("{frame} {rest}?") }
}

/// Runs of letters, also around one apostrophe.
fn words(text: &str) -> Vec<Word> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let letter = |at: usize| chars.get(at).is_some_and(|(_, char)| char.is_ascii_alphabetic());
    let (mut words, mut at, mut follows) = (Vec::new(), 0, true);
    while at < chars.len() {
        if !letter(at) {
            follows &= chars[at].1 == ' ';
            at += 1;
            continue;
        }
        let begin = at;
        while letter(at) {
            at += 1;
        }
        if chars.get(at).is_some_and(|(_, char)| matches!(char, '\'' | '\u{2019}')) && letter(at + 1) {
            at += 1;
            while letter(at) {
                at += 1;
            }
        }
        let folded = chars[begin..at].iter().map(|(_, char)| match char {
            '\u{2019}' => '\'',
            other => other.to_ascii_lowercase(),
        });
        let end = chars.get(at).map_or(text.len(), |(place, _)| *place);
        words.push(Word { text: folded.collect(), start: chars[begin].0, end, follows });
        follows = true;
    }
    words
}

/// The place after the words that match, or `at` where they do not.
fn matched(pattern: &str, words: &[Word], at: usize) -> usize {
    let mut end = at;
    for part in pattern.split(' ') {
        let choices = part.strip_prefix('?').unwrap_or(part);
        let fits =
            |word: &Word| (end == at || word.follows) && choices.split('/').any(|choice| choice == word.text);
        if words.get(end).is_some_and(fits) {
            end += 1;
        } else if choices.len() == part.len() {
            return at;
        }
    }
    end
}

/// Where the name begins in "what is the password reset process"; None in another text.
fn named_process(words: &[Word], at: usize) -> Option<usize> {
    let start =
        PROCESS.iter().map(|pattern| matched(pattern, words, at)).max().filter(|start| *start > at)?;
    let name = (words.len() - 1).checked_sub(start)?;
    let fits = (1..=LONGEST_NAME).contains(&name) && NOUNS.contains(&words[words.len() - 1].text.as_str());
    (fits && words[at + 1..].iter().all(|word| word.follows)).then_some(start)
}

fn without_closing(rest: &str) -> &str {
    let marks = [' ', '\t', '\r', '\n', ',', '.', ';', ':', '!', '?', '-'];
    let rest = rest.trim_end_matches(marks);
    for closing in CLOSINGS {
        let Some(cut) = rest.len().checked_sub(closing.len()).filter(|cut| rest.is_char_boundary(*cut))
        else {
            continue;
        };
        let (head, tail) = rest.split_at(cut);
        if tail.eq_ignore_ascii_case(closing) && (head.is_empty() || head.ends_with(marks)) {
            return head.trim_end_matches(marks);
        }
    }
    rest
}
