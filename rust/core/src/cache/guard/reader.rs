//! From characters to words.

use super::lexicon::{self, UNIT};
use super::text::{Text, Word};

/// After these, "'s" is a verb and no genitive.
const BEFORE_IS: [&str; 9] = ["what", "it", "that", "who", "where", "when", "how", "why", "there"];

pub(super) struct Reader<'a> {
    text: &'a [char],
    into: Text,
    /// The next word begins a clause.
    opens: bool,
    /// The mark of the quotation that is open, and the word it began with.
    quote: Option<(char, usize)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [char]) -> Self {
        Self { text, into: Text::default(), opens: true, quote: None }
    }

    pub(super) fn run(mut self) -> Text {
        let mut place = 0;
        while place < self.text.len() {
            let char = self.text[place];
            let minus = char == '-'
                && self.after(place).is_ascii_digit()
                && matches!(self.before(place), ' ' | '\n' | '(');
            if minus || is_word(char) {
                place = self.word(place);
            } else {
                self.mark(char, place);
                place += 1;
            }
        }
        self.into
    }

    fn at(&self, place: usize) -> char {
        self.text.get(place).copied().unwrap_or(' ')
    }

    fn before(&self, place: usize) -> char {
        place.checked_sub(1).map_or(' ', |place| self.at(place))
    }

    fn after(&self, place: usize) -> char {
        self.at(place + 1)
    }

    fn mark(&mut self, char: char, place: usize) {
        let (before, after) = (self.before(place), self.after(place));
        match char {
            ':' if matches!(after, ' ' | '\n') => self.announce(place),
            ' ' | ':' | '.' | ',' | ';' | '!' | '(' | ')' | '-' | '\u{bf}' | '\u{a1}' | '\u{2022}' => {}
            '?' => self.into.asks = true,
            '\n' => self.announce(place),
            '\'' | '"' => self.quotation(char, before, after),
            '$' => self.add("dollar".to_owned(), false),
            '\u{20ac}' => self.add("euro".to_owned(), false),
            '\u{a3}' => self.add("gbp".to_owned(), false),
            '%' => self.add("percent".to_owned(), false),
            '&' => self.add("and".to_owned(), false),
            '\u{b0}' => self.add("degree".to_owned(), false),
            '#' if after.is_ascii_digit() => {}
            _ if is_foreign(char) => self.into.foreign = true,
            _ => self.into.symbols.push(char),
        }
        self.opens |= match char {
            '.' | ',' | ';' | ':' | '!' | '?' | '\n' | '(' | '\'' | '"' => true,
            '-' => before == ' ',
            _ => false,
        };
    }

    fn announce(&mut self, place: usize) {
        let goes_on = || self.text[place + 1..].iter().any(|char| !matches!(char, ' ' | '\n'));
        if self.into.payload.is_none() && !self.into.words.is_empty() && goes_on() {
            self.into.payload = Some(self.into.words.len());
        }
    }

    fn quotation(&mut self, char: char, before: char, after: char) {
        let words = self.into.words.len();
        match self.quote {
            Some((mark, start)) if mark == char && !is_word(after) => {
                if start < words {
                    self.into.quotes.push(start..words);
                }
                self.quote = None;
            }
            None if !is_word(before) && !matches!(after, ' ' | '\n') => self.quote = Some((char, words)),
            _ => {}
        }
    }

    /// Reads the word that begins at `start`; returns where it ends.
    fn word(&mut self, start: usize) -> usize {
        let mut end = start + 1;
        while end < self.text.len() {
            let (char, before, after) = (self.text[end], self.before(end), self.after(end));
            let joins = match char {
                '\'' => is_letter(before) && is_letter(after),
                '.' | ',' | ':' => before.is_ascii_digit() && after.is_ascii_digit(),
                _ => false,
            };
            if !joins && !is_word(char) {
                break;
            }
            end += 1;
        }
        let mut tail = end;
        while is_letter(self.before(end)) && matches!(self.at(tail), '+' | '#') {
            tail += 1;
        }
        if !is_word(self.at(tail)) {
            end = tail;
        }
        let mut word = String::with_capacity(end - start);
        for char in self.text[start..end].iter().flat_map(|char| char.to_lowercase()) {
            match char {
                '\u{df}' => word.push_str("ss"),
                other => word.push(other),
            }
        }
        if word == "free" && self.before(start) == '-' {
            "without".clone_into(&mut word);
        }
        self.contraction(&word, self.text[start].is_uppercase());
        end
    }

    fn contraction(&mut self, word: &str, capital: bool) {
        let Some((head, tail)) = word.split_once('\'') else {
            match lexicon::look(word).contracted {
                Some(verb) => self.negated(verb, capital),
                None => self.figures(word, capital),
            }
            return;
        };
        if tail == "t"
            && let Some(verb) = head.strip_suffix('n').filter(|verb| !verb.is_empty())
        {
            let whole = match verb {
                "ca" => "can",
                "wo" => "will",
                "sha" => "shall",
                other => other,
            };
            self.negated(whole, capital);
            return;
        }
        let verb = match tail {
            "s" if BEFORE_IS.contains(&head) => Some("is"),
            "s" => Some(""),
            "re" => Some("are"),
            "ve" => Some("have"),
            "ll" => Some("will"),
            "d" => Some("would"),
            "m" => Some("am"),
            _ => None,
        };
        match verb {
            Some(verb) => {
                self.add(head.to_owned(), capital);
                if !verb.is_empty() {
                    self.add(verb.to_owned(), false);
                } else if let Some(owner) = self.into.words.last_mut() {
                    owner.owns = true;
                }
            }
            None if head.chars().count() <= 2 => {
                self.add(head.to_owned(), capital);
                self.add(tail.to_owned(), false);
            }
            None => self.figures(word, capital),
        }
    }

    fn negated(&mut self, verb: &str, capital: bool) {
        self.add(verb.to_owned(), capital);
        self.add("not".to_owned(), false);
    }

    /// Writes numbers alike, and takes what stands beside one apart: units, names, versions.
    fn figures(&mut self, word: &str, capital: bool) {
        let number = word.trim_end_matches(|char: char| char.is_ascii_lowercase());
        let name = word.trim_end_matches(|char: char| char.is_ascii_digit() || char == '.');
        let unit = &word[number.len()..];
        let counts = |number: &str| {
            number.starts_with(|char: char| char.is_ascii_digit())
                && number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
        };
        let named = name == "v" || name.len() >= 3;
        if counts(number) && lexicon::look(unit).is(UNIT) {
            self.add(ungrouped(number), capital);
            self.add(unit.to_owned(), false);
        } else if name.len() < word.len() && named && name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            self.add(if name == "v" { "version".to_owned() } else { name.to_owned() }, capital);
            self.add(word[name.len()..].to_owned(), false);
        } else {
            self.add(ungrouped(word), capital);
        }
    }

    /// Adds a word, or makes one of it and the last one where they are a phrase with a name of its own.
    fn add(&mut self, word: String, capital: bool) {
        let opens = std::mem::take(&mut self.opens);
        let last = self.into.words.last_mut().filter(|_| !opens);
        match last.and_then(|last| last.phrase(&word).map(|name| (last, name))) {
            Some((last, name)) => *last = Word::new(name.to_owned(), last.capital, last.opens),
            None => self.into.words.push(Word::new(word, capital, opens)),
        }
    }
}

/// A number without the commas between its thousands.
fn ungrouped(word: &str) -> String {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut groups = whole.split(',');
    let first = groups.next().map_or(0, str::len);
    let all_digits = whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let grouped =
        all_digits && whole.contains(',') && (1..=3).contains(&first) && groups.all(|group| group.len() == 3);
    if grouped { word.replace(',', "") } else { word.to_owned() }
}

fn is_letter(char: char) -> bool {
    char.is_ascii_alphabetic()
        || matches!(char, '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
            && !matches!(char, '\u{d7}' | '\u{f7}')
}

/// May be a letter or a mark of a script that no rule knows.
fn is_foreign(char: char) -> bool {
    !matches!(
        char,
        '\0'..='\u{24f}'
            | '\u{1e00}'..='\u{1eff}'
            | '\u{2000}'..='\u{20cf}'
            | '\u{2190}'..='\u{2bff}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

fn is_word(char: char) -> bool {
    is_letter(char) || char.is_ascii_digit() || char == '_'
}
