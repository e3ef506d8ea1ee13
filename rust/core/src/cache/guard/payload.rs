//! What a text quotes or brings along must be equal, word for word.

use super::lexicon::TASK;
use super::pair::Pair;
use super::text::{Text, Word};

/// Quotations differ, or what a colon or the end of a line announced does.
pub(super) fn payload(pair: &Pair) -> bool {
    let (a, b) = (&pair.a, &pair.b);
    let differ = if a.quotes.is_empty() || b.quotes.is_empty() {
        unquoted(a, b) || unquoted(b, a)
    } else {
        quoted(a) != quoted(b)
    };
    differ || announced(a, b)
}

fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

fn quoted(text: &Text) -> Vec<Vec<&str>> {
    let mut quoted: Vec<_> =
        text.quotes.iter().map(|quote| texts(&text.words[quote.start..quote.end])).collect();
    quoted.sort_unstable();
    quoted
}

/// One text quotes what does not stand in the other.
fn unquoted(text: &Text, other: &Text) -> bool {
    text.quotes.iter().any(|quote| !within(&text.words[quote.start..quote.end], &other.words))
}

fn within(part: &[Word], whole: &[Word]) -> bool {
    let alike = |window: &[Word]| window.iter().zip(part).all(|(one, two)| one.text == two.text);
    part.is_empty() || whole.windows(part.len()).any(alike)
}

/// The text of a task is compared word for word, a question as any other.
fn announced(a: &Text, b: &Text) -> bool {
    match (a.payload, b.payload) {
        (Some(start_a), Some(start_b)) => {
            let questions = a.asks && b.asks && !is_task(a) && !is_task(b);
            !questions && texts(&a.words[start_a..]) != texts(&b.words[start_b..])
        }
        _ => lacks(a, b) || lacks(b, a),
    }
}

/// A task brings a text along that does not stand in the other.
fn lacks(text: &Text, other: &Text) -> bool {
    text.payload.is_some_and(|start| is_task(text) && !within(&text.words[start..], &other.words))
}

fn is_task(text: &Text) -> bool {
    text.payload.is_some_and(|start| text.words[..start].iter().any(|word| word.is(TASK)))
}
