//! Which words of one text have no counterpart in the other.

use super::text::Word;

/// Letters of the shortest word whose misspelling is forgiven.
const SHORTEST_TYPO: usize = 5;

/// Marks the words that have no counterpart among the others, written apart or together.
pub(super) fn mark(words: &mut [Word], others: &[Word]) {
    for word in &mut *words {
        word.lone = !others.iter().any(|other| same(word, other));
    }
    for at in 0..words.len() {
        let word = &words[at];
        if word.lone && others.windows(2).any(|pair| spell(&pair[0], &pair[1], word)) {
            words[at].lone = false;
        }
        if let [word, after, ..] = &mut words[at..]
            && (word.lone || after.lone)
            && others.iter().any(|other| spell(word, after, other))
        {
            (word.lone, after.lone) = (false, false);
        }
    }
}

fn spell(one: &Word, two: &Word, whole: &Word) -> bool {
    whole.text.strip_prefix(one.text.as_str()) == Some(&two.text)
}

/// Whether two words are counterparts.
pub(super) fn same(one: &Word, two: &Word) -> bool {
    one.key == two.key || (one.content && two.content && near(one.key.as_bytes(), two.key.as_bytes()))
}

/// Whether two words are one but for spelling: s and z, letters that changed places, a missing vowel.
fn near(one: &[u8], two: &[u8]) -> bool {
    let (one, two) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    if one.len() < SHORTEST_TYPO || two.len() - one.len() > 1 || one[0] != two[0] {
        return false;
    }
    let Some(at) = one.iter().zip(two).position(|(one, two)| one != two) else {
        return false;
    };
    if !one.iter().chain(two).all(u8::is_ascii_alphabetic) {
        return false;
    }
    if one.len() < two.len() {
        return b"aeiou".contains(&two[at]) && one[at..] == two[at + 1..];
    }
    if one[at + 1..] == two[at + 1..] {
        return matches!((one[at], two[at]), (b's', b'z') | (b'z', b's'));
    }
    let swapped = one[at] == two[at + 1] && one[at + 1] == two[at] && one[at + 2..] == two[at + 2..];
    swapped && (one.len() > SHORTEST_TYPO || matches!(&one[at - 1..], b"tre" | b"ter"))
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn spellings_of_one_word() {
        for (one, two) in [
            ("organis", "organiz"),
            ("metre", "meter"),
            ("colour", "color"),
            ("password", "passwrd"),
            ("receiv", "reciev"),
        ] {
            assert!(
                near(one.as_bytes(), two.as_bytes()) && near(two.as_bytes(), one.as_bytes()),
                "{one} {two}"
            );
        }
    }

    #[test]
    fn words_that_look_alike() {
        for (one, two) in [
            ("iceland", "ireland"),
            ("contact", "contract"),
            ("desert", "dessert"),
            ("angel", "angle"),
            ("48213", "48231"),
            ("human", "humane"),
            ("sending", "lending"),
            ("quiet", "quite"),
        ] {
            assert!(!near(one.as_bytes(), two.as_bytes()), "{one} {two}");
        }
    }
}
