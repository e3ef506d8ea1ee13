//! What a word is compared by when no table knows it.

const ENDINGS: [&str; 10] = ["ation", "ating", "ated", "ate", "ion", "ment", "ing", "ed", "ly", "e"];
const SHORT: usize = 3;

/// Cuts the endings of English inflection, and of nouns made from verbs, down to three letters.
pub(super) fn stem(word: &str) -> String {
    let mut stem = word.to_owned();
    if word.len() < SHORT || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return stem;
    }
    let last_two = |stem: &str| (stem.as_bytes()[stem.len() - 2], stem.as_bytes()[stem.len() - 1]);
    if stem.ends_with("ies") && stem.len() > SHORT + 1 {
        stem.truncate(stem.len() - 3);
        stem.push('y');
    } else if stem.len() > SHORT && matches!(last_two(&stem), (before, b's') if !b"sui".contains(&before)) {
        stem.pop();
    }
    let ending = ENDINGS.iter().find(|ending| stem.ends_with(**ending) && stem.len() >= ending.len() + SHORT);
    stem.truncate(stem.len() - ending.map_or(0, |ending| ending.len()));
    if stem.len() > SHORT && matches!(last_two(&stem), (before, last) if before == last) {
        stem.pop();
    }
    if stem.ends_with('y') {
        stem.pop();
        stem.push('i');
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn inflections_of_a_word_have_one_stem() {
        for forms in [
            &["cancel", "cancels", "cancelled", "canceled", "cancelling"][..],
            &["country", "countries"],
            &["meditate", "meditating", "meditation"],
            &["box", "boxes"],
            &["pay", "paying", "payment"],
            &["key", "keys"],
            &["add", "adds", "adding", "added"],
            &["fee", "fees"],
            &["tie", "ties"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.iter().all(|other| *other == stems[0]), "{stems:?}");
        }
    }

    #[test]
    fn a_tool_is_not_what_it_does() {
        for (one, two) in [("print", "printer"), ("user", "use"), ("import", "important"), ("bus", "bu")] {
            assert_ne!(stem(one), stem(two));
        }
    }

    #[test]
    fn other_letters_stay() {
        assert_eq!(stem("größe"), "größe");
        assert_eq!(stem("s23s"), "s23s");
    }
}
