//! What happens to each character: left out, turned into a space, given spaces around it, folded.
//!
//! Folding is canonical decomposition without its accents, in lower case. Order does not come into it, because the
//! accents are gone.

/// Ranges of characters to leave out, punctuation, and folds; written by `golden/make_unicode.py`.
const TABLE: &str = include_str!("unicode.txt");

/// The ideographs that stand for themselves. The gap after 2b81f is the original's.
const IDEOGRAPHS: [(u32, u32); 7] = [
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xf900, 0xfaff),
    (0x20000, 0x2a6df),
    (0x2a700, 0x2b81f),
    (0x2b920, 0x2ceaf),
    (0x2f800, 0x2fa1f),
];

/// The tables, in the order of the characters.
#[derive(Debug)]
pub(super) struct Characters {
    removed: Vec<(u32, u32)>,
    punctuation: Vec<(u32, u32)>,
    folds: Vec<(u32, Box<str>)>,
}

impl Characters {
    pub(super) fn new() -> Self {
        let mut all = Self { removed: Vec::new(), punctuation: Vec::new(), folds: Vec::new() };
        for line in TABLE.lines() {
            let mut words = line.split(' ');
            match (words.next(), words.next().and_then(span)) {
                (Some("removed"), Some((first, last, _))) => all.removed.push((first, last)),
                (Some("punctuation"), Some((first, last, _))) => all.punctuation.push((first, last)),
                (Some("fold"), Some(span)) => all.folds.extend(folds(span, words)),
                _ => {}
            }
        }
        all.folds.sort_unstable_by_key(|&(from, _)| from);
        all
    }

    /// Hands the characters of the normalised text over, one by one, until there is an error.
    pub(super) fn normalise<E>(
        &self,
        text: &str,
        mut each: impl FnMut(char) -> Result<(), E>,
    ) -> Result<(), E> {
        for letter in text.chars() {
            if letter.is_ascii() {
                if !is_removed_ascii(letter) {
                    each(letter.to_ascii_lowercase())?;
                }
            } else if contains(&self.removed, letter) {
                // Left out.
            } else if letter.is_whitespace() {
                each(' ')?;
            } else if contains(&IDEOGRAPHS, letter) {
                each(' ')?;
                self.fold(letter, &mut each)?;
                each(' ')?;
            } else {
                self.fold(letter, &mut each)?;
            }
        }
        Ok(())
    }

    pub(super) fn is_punctuation(&self, letter: char) -> bool {
        if letter.is_ascii() { letter.is_ascii_punctuation() } else { contains(&self.punctuation, letter) }
    }

    fn fold<E>(&self, letter: char, each: &mut impl FnMut(char) -> Result<(), E>) -> Result<(), E> {
        if let Some(parts) = hangul(letter) {
            return parts.into_iter().flatten().try_for_each(each);
        }
        match self.folds.binary_search_by_key(&u32::from(letter), |&(from, _)| from) {
            Ok(at) => self.folds[at].1.chars().try_for_each(each),
            Err(_) => each(letter),
        }
    }
}

fn is_removed_ascii(letter: char) -> bool {
    letter.is_ascii_control() && !matches!(letter, '\t' | '\n' | '\r')
}

fn contains(ranges: &[(u32, u32)], letter: char) -> bool {
    let letter = u32::from(letter);
    let behind = ranges.partition_point(|&(first, _)| first <= letter);
    behind.checked_sub(1).is_some_and(|at| letter <= ranges[at].1)
}

/// A syllable's two or three letters: the Unicode standard, section 3.12.
fn hangul(letter: char) -> Option<[Option<char>; 3]> {
    let index = u32::from(letter).checked_sub(0xac00).filter(|&index| index < 19 * 21 * 28)?;
    let last = index % 28;
    Some([
        char::from_u32(0x1100 + index / (21 * 28)),
        char::from_u32(0x1161 + index / 28 % 21),
        if last == 0 { None } else { char::from_u32(0x11a7 + last) },
    ])
}

/// `a`, `a-b` or `a-b/2`: the first, the last and the step between.
fn span(text: &str) -> Option<(u32, u32, u32)> {
    let (text, step) = text.split_once('/').unwrap_or((text, "1"));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((number(first)?, number(last)?, step.parse().ok()?))
}

/// A target, which moves along with the characters where it begins with a plus.
fn folds<'a>(
    (first, last, step): (u32, u32, u32),
    target: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = (u32, Box<str>)> {
    let target: Vec<&str> = target.collect();
    let moves = target.first().is_some_and(|word| word.starts_with('+'));
    let target: Vec<u32> = target.iter().filter_map(|word| number(word.trim_start_matches('+'))).collect();
    (first..=last).step_by(step as usize).map(move |from| {
        let by = if moves { from - first } else { 0 };
        (from, target.iter().filter_map(|&to| char::from_u32(to + by)).collect::<String>().into_boxed_str())
    })
}

fn number(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}
