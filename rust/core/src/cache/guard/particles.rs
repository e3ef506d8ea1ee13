//! Small words that turn a question round: negations, opposites, directions.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lexicon::{ABSENCE, AUXILIARY, FILLER, INFINITIVE, NEGATION, couples};
use super::pair::Pair;
use super::stem::stem;
use super::text::Word;
use super::words;

/// Letters that two words must share behind their prefixes.
const SHORTEST_CORE: usize = 3;
/// Words that a preposition of direction may govern.
const GOVERNED: u8 = 2;

type Couples = Vec<(&'static str, &'static str)>;

static OPPOSITES: LazyLock<Couples> = LazyLock::new(|| couples(words::OPPOSITES).collect());
static ANTONYMS: LazyLock<Couples> = LazyLock::new(|| couples(words::ANTONYMS).collect());
static PREFIXES: LazyLock<Couples> = LazyLock::new(|| couples(words::PREFIXES).collect());

/// One text says "not" more often, and the other has no word of its own that says it by itself.
pub(super) fn negation(pair: &Pair) -> bool {
    let (a, b) = (negations(&pair.a.words), negations(&pair.b.words));
    let fewer = if a > b { &pair.b } else { &pair.a };
    a.abs_diff(b) > fewer.words.iter().filter(|word| word.lone && word.is(ABSENCE)).count()
}

/// Counts the negations, but for "or not" at a clause's end and "I don't know how", which add nothing.
fn negations(words: &[Word]) -> usize {
    let counts = |at: usize| {
        let after = words.get(at + 1).filter(|after| !after.opens);
        if words[at].is(NEGATION) {
            let follows_or = at > 0 && !words[at].opens && words[at - 1].text == "or";
            let adds_nothing = (follows_or && after.is_none()) || unknown(words, at);
            return !(words[at].text == "not" && adds_nothing);
        }
        words[at].text == "free" && after.is_some_and(|after| matches!(after.text.as_str(), "of" | "from"))
    };
    (0..words.len()).filter(|at| counts(*at)).count()
}

/// The "not" at this place says that the answer is not known: a question, and no negation in it.
fn unknown(words: &[Word], at: usize) -> bool {
    let Some(start) = at.checked_sub(1) else { return false };
    let [verb, _, knows, what, ..] = &words[start..] else { return false };
    matches!(verb.text.as_str(), "do" | "am" | "are" | "be")
        && matches!(knows.text.as_str(), "know" | "sure" | "understand" | "certain")
        && matches!(
            what.text.as_str(),
            "how" | "what" | "when" | "where" | "which" | "who" | "why" | "whether" | "if"
        )
}

/// One text has a particle where the other has its opposite, or words of their own are opposites.
pub(super) fn opposite(pair: &Pair) -> bool {
    let (a, b) = (&pair.a.words, &pair.b.words);
    let more = |particle| count(a, particle).cmp(&count(b, particle));
    let swapped = OPPOSITES.iter().any(|(one, two)| {
        let more_of_one = more(one);
        more_of_one.is_ne() && more(two) == more_of_one.reverse()
    });
    let (lone_a, lone_b) = (lone(a), lone(b));
    swapped || lone_a.iter().any(|one| lone_b.iter().any(|two| opposed(one, two) || opposed(two, one)))
}

fn lone(words: &[Word]) -> Vec<&Word> {
    words.iter().filter(|word| word.lone).collect()
}

fn count(words: &[Word], particle: &str) -> usize {
    let is = |at: &usize| {
        words[*at].text == particle && !(particle == "to" && *at > 0 && words[at - 1].is(INFINITIVE))
    };
    (0..words.len()).filter(is).count()
}

fn opposed(one: &Word, two: &Word) -> bool {
    let mut antonyms = ANTONYMS.iter();
    if antonyms.any(|(a, b)| (one.text == *a && two.text == *b) || (one.key == *a && two.key == *b)) {
        return true;
    }
    PREFIXES.iter().any(|(a, b)| {
        one.text.starts_with(a) && two.text.starts_with(b) && {
            let (one, two) = (stem(&one.text), stem(&two.text));
            let core = one.get(a.len()..).unwrap_or("");
            core.len() >= SHORTEST_CORE && two.get(b.len()..) == Some(core)
        }
    })
}

/// A word comes from where the other text goes to, or the same content stands in another order in the same frame.
pub(super) fn direction(pair: &Pair) -> bool {
    let (roles_a, roles_b) = (roles(&pair.a.words), roles(&pair.b.words));
    let crossed = roles_a.iter().any(|(key, role)| {
        role.is_some() && roles_b.get(key).is_some_and(|other| other.is_some() && other != role)
    });
    if crossed {
        return true;
    }
    let (order_a, order_b) = (order(&pair.a.words), order(&pair.b.words));
    order_a != order_b
        && sorted(order_a) == sorted(order_b)
        && grammar(&pair.a.words) == grammar(&pair.b.words)
}

fn sorted(mut words: Vec<&str>) -> Vec<&str> {
    words.sort_unstable();
    words
}

fn grammar(words: &[Word]) -> Vec<&str> {
    sorted(words.iter().filter(|w| !w.content && !w.is(FILLER | AUXILIARY)).map(|w| &*w.key).collect())
}

/// Which part each word has that follows a preposition of direction; none where it has two.
fn roles(words: &[Word]) -> HashMap<&str, Option<&'static str>> {
    let mut roles: HashMap<&str, Option<&'static str>> = HashMap::new();
    let (mut role, mut left) = (None, 0);
    for word in words {
        if word.role().is_some() {
            (role, left) = (word.role(), GOVERNED);
        } else if left > 0 && (word.content || word.number) {
            roles
                .entry(&word.key)
                .and_modify(|known| *known = known.filter(|_| *known == role))
                .or_insert(role);
            left -= 1;
        } else if !word.is(FILLER) && !matches!(word.text.as_str(), "my" | "your" | "our" | "of") {
            left = 0;
        }
    }
    roles
}

/// The content in its order, but an owner behind what is owned, and both sides of "and", "or" and "versus" sorted.
fn order(words: &[Word]) -> Vec<&str> {
    let joins = |word: &Word| matches!(word.text.as_str(), "and" | "or" | "versus" | "vs");
    let content = |word: &Word| word.content || word.number;
    let mut kept: Vec<&Word> = words.iter().filter(|word| content(word) || joins(word)).collect();
    for at in 1..kept.len() {
        if kept[at - 1].owns {
            kept.swap(at - 1, at);
        }
    }
    let mut keys: Vec<&str> = kept.iter().map(|word| if content(word) { &*word.key } else { "" }).collect();
    for at in 1..keys.len().saturating_sub(1) {
        if keys[at].is_empty() && keys[at - 1] > keys[at + 1] {
            keys.swap(at - 1, at + 1);
        }
    }
    keys.retain(|key| !key.is_empty());
    keys
}
