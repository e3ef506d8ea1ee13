//! The golden files, and what holds for every text.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::lexicon::{NEGATION, look};
use super::{Rule, Verdict, judge, words};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

fn rule(a: &str, b: &str) -> Option<&'static str> {
    match judge(a, b) {
        Verdict::Accept => None,
        Verdict::Veto(rule) => Some(rule.name()),
    }
}

/// `FERROGATE_GOLDEN=write` writes the rules anew, to be read in the diff.
#[test]
fn verdicts_are_those_of_the_golden_file() {
    let path = golden("guard.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let pairs: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let made = pairs.iter().map(|pair| {
        let (a, b) = (pair["a"].as_str().unwrap(), pair["b"].as_str().unwrap());
        json!({"a": a, "b": b, "rule": rule(a, b)})
    });
    let made: Vec<Value> = made.collect();
    if std::env::var_os("FERROGATE_GOLDEN").is_some_and(|mode| mode == "write") {
        fs::write(path, made.iter().map(Value::to_string).collect::<Vec<_>>().join("\n") + "\n").unwrap();
        return;
    }
    let wrong: Vec<_> = pairs.iter().zip(&made).filter(|(expected, made)| expected != made).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for name in Rule::ALL.map(Rule::name) {
        assert!(pairs.iter().any(|pair| pair["rule"] == name), "no pair for {name}");
    }
}

#[test]
fn words_are_those_of_the_golden_file() {
    let tables: Value =
        serde_json::from_str(&fs::read_to_string(golden("guard_words.json")).unwrap()).unwrap();
    let ours = json!({
        "absences": table(words::ABSENCES),
        "antonyms": table(words::ANTONYMS),
        "auxiliaries": table(words::AUXILIARIES),
        "contractions": table(words::CONTRACTIONS),
        "cost": table(words::COST),
        "fillers": table(words::FILLERS),
        "function": table(words::FUNCTION),
        "imperatives": table(words::IMPERATIVES),
        "infinitive": table(words::INFINITIVE),
        "measures": table(words::MEASURES),
        "negations": table(words::NEGATIONS),
        "numbers": table(words::NUMBERS),
        "opposites": table(words::OPPOSITES),
        "ordinals": table(words::ORDINALS),
        "periods": table(words::PERIODS),
        "phrases": table(words::PHRASES),
        "prefixes": table(words::PREFIXES),
        "roles": table(words::ROLES),
        "synonyms": table(words::SYNONYMS),
        "tasks": table(words::TASKS),
        "times": table(words::TIMES),
        "units": table(words::UNITS),
    });
    assert_eq!(tables, ours);
}

fn table(text: &str) -> Vec<&str> {
    let mut table: Vec<&str> = text.split_whitespace().collect();
    table.sort_unstable();
    table
}

#[test]
fn a_text_over_the_limit_is_accepted_for_itself_only() {
    let long = "word ".repeat(257);
    assert_eq!(judge(&long, &format!("{}!", long.trim_end())), Verdict::Accept);
    assert_eq!(judge(&long, &format!("{long}more")), Verdict::Veto(Rule::TooLong));
    assert_eq!(judge("word", &long), Verdict::Veto(Rule::TooLong));
}

#[test]
fn composed_and_decomposed_letters_are_one() {
    assert_eq!(
        judge("Où est le café\u{301} de Zoë ?", "OÙ EST LE CAFÉ DE ZOE\u{308} ?"),
        Verdict::Veto(Rule::Script)
    );
    assert_eq!(judge("Où est le cafe\u{301} de Zoë ?", "OÙ EST LE CAFÉ DE ZOE\u{308} ?"), Verdict::Accept);
    assert_eq!(judge("¿Dónde está el año?", "¿Dónde está el ano?"), Verdict::Veto(Rule::Slot));
}

/// Questions as people write them: words of every table, names, numbers, marks.
fn question() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "how", "do", "I", "can", "what", "is", "the", "my", "account", "order", "from", "to", "Paris", "not",
            "one", "never", "without", "cancel", "find", "password", "café", "don't", "or", "and", "A4", "last",
            "week", "free", "more", "unable",
        ]).prop_map(str::to_owned),
        2 => "[a-zA-Zà-ü]{1,9}",
        1 => (0_u32..100_000).prop_map(|number| number.to_string()),
        1 => prop::sample::select(vec!["'to be'", "\"x y\"", "c++", "$5", "10%", "?", ":", ", ", "-", "(a)"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(word, 1..14).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn every_text_stands_for_itself(text in question(), anything in "\\PC{0,60}") {
        prop_assume!(text.chars().any(char::is_alphanumeric));
        prop_assert_eq!(judge(&text, &text), Verdict::Accept);
        prop_assert_eq!(judge(&text, &format!("  {}\n", text.to_uppercase().replace("SS", "ss"))), Verdict::Accept);
        prop_assert_eq!(judge(&text.replace(' ', "   "), &format!("{text}!")), Verdict::Accept);
        let itself = judge(&anything, &anything);
        prop_assert!(matches!(itself, Verdict::Accept | Verdict::Veto(Rule::NoWords)), "{itself:?}");
    }

    #[test]
    fn the_order_of_the_texts_is_nothing(a in question(), b in question(), anything in "\\PC{0,60}") {
        prop_assert_eq!(judge(&a, &b), judge(&b, &a));
        prop_assert_eq!(judge(&a, &anything), judge(&anything, &a));
    }

    #[test]
    fn another_number_is_another_question(
        before in question(), after in question(), one in 0_u32..1_000_000, two in 0_u32..1_000_000,
    ) {
        prop_assume!(one != two);
        let texts = [one, two].map(|number| format!("{before} {number} {after}"));
        prop_assert_ne!(judge(&texts[0], &texts[1]), Verdict::Accept);
    }

    #[test]
    fn not_added_anywhere_is_another_question(text in question(), place in 0_usize..14) {
        let words: Vec<&str> = text.split(' ').collect();
        let (head, tail) = words.split_at(place.min(words.len()));
        // "or not" adds nothing, and "free from" is itself a negation that "not" would take apart.
        let last = head.last().map(|word| word.to_lowercase());
        prop_assume!(!last.is_some_and(|word| word == "or" || word == "free"));
        let negated = [head, &["not"], tail].concat().join(" ");
        prop_assert_ne!(judge(&text, &negated), Verdict::Accept, "{} | {}", text, negated);
    }
}

#[test]
fn negations_of_seven_languages_veto() {
    for (plain, negated) in [
        ("Which foods contain gluten?", "Which foods do not contain gluten?"),
        ("Ich möchte kündigen", "Ich möchte nicht kündigen"),
        ("Je veux annuler", "Je ne veux pas annuler"),
        ("Quiero cancelar", "No quiero cancelar"),
        ("Voglio annullare", "Non voglio annullare"),
        ("Quero cancelar", "Não quero cancelar"),
        ("Ik wil opzeggen", "Ik wil niet opzeggen"),
    ] {
        assert_eq!(judge(plain, negated), Verdict::Veto(Rule::Negation), "{negated}");
    }
    assert!(look("not").is(NEGATION));
}
