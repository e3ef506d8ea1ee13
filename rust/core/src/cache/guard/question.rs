//! What a text asks for: a manner, a place, a time, a reason, a person, a quantity, or yes or no.

use super::lexicon::{self, AUXILIARY, COST, MEASURE};
use super::pair::Pair;
use super::text::Word;

/// Kinds that a question to be answered with yes or no never means.
const OPEN: [&str; 5] = ["who", "when", "where", "why", "quantity"];

/// The texts ask for different things.
pub(super) fn question(pair: &Pair) -> bool {
    if let (Some(does_a), Some(does_b)) = (light(&pair.a.words), light(&pair.b.words))
        && does_a != does_b
    {
        return true;
    }
    let (a, b) = (asked(&pair.a.words), asked(&pair.b.words));
    if !a.is_empty() && !b.is_empty() {
        let either = |kind| a.contains(&kind) || b.contains(&kind);
        return !(a.iter().any(|kind| b.contains(kind)) || (either("how") && either("where")));
    }
    if let (Some(counted_a), Some(counted_b)) = (counted(&pair.a.words), counted(&pair.b.words))
        && counted_a != counted_b
    {
        return true;
    }
    let open = |kinds: &[&str]| kinds.iter().any(|kind| OPEN.contains(kind));
    (open(&b) && yes_or_no(&pair.a.words)) || (open(&a) && yes_or_no(&pair.b.words))
}

/// The kinds of question in a text; of a measure its adjective.
fn asked(words: &[Word]) -> Vec<&str> {
    let mut asked = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1);
        let after = next.map_or("", |next| next.synonym().unwrap_or(next.text.as_str()));
        let kind = match word.text.as_str() {
            "how" if matches!(after, "much" | "many") => "quantity",
            "how" if lexicon::look(after).is(MEASURE) => after,
            "how" => "how",
            "why" => "why",
            "who" | "whom" | "whose" if word.opens => "who",
            kind @ ("when" | "where")
                if word.opens && (after.is_empty() || lexicon::look(after).is(AUXILIARY)) =>
            {
                kind
            }
            "what" | "which" if word.opens => match after {
                "time" | "date" | "day" | "year" => "when",
                "causes" | "cause" | "reason" => "why",
                "happens" | "happen" | "happened" => "outcome",
                _ => continue,
            },
            _ => continue,
        };
        asked.push(kind);
    }
    if asked.is_empty() && !yes_or_no(words) && words.iter().any(|word| word.is(COST)) {
        asked.push("quantity");
    }
    asked
}

/// The verb of "do I get", where it is one that counts as grammar elsewhere.
fn light(words: &[Word]) -> Option<&str> {
    let asks = |three: &&[Word]| {
        three[0].is(AUXILIARY)
            && matches!(three[1].text.as_str(), "i" | "you" | "we" | "one")
            && matches!(three[2].text.as_str(), "get" | "go" | "take" | "use" | "work")
    };
    words.windows(3).find(asks).map(|three| three[2].text.as_str())
}

fn yes_or_no(words: &[Word]) -> bool {
    words.iter().any(|word| word.opens && word.is(AUXILIARY))
}

/// What "how many" counts.
fn counted(words: &[Word]) -> Option<&str> {
    let many = |three: &&[Word]| three[0].text == "how" && matches!(three[1].text.as_str(), "much" | "many");
    words.windows(3).find(many).map(|three| &*three[2].key)
}
