use super::{Tokenizer, Tokens};
use crate::Error;

#[derive(serde::Deserialize)]
struct Golden {
    vocab: serde_json::Value,
    cases: Vec<(String, Vec<u32>)>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../golden/tokens.json")).unwrap()
}

fn description(vocab: &serde_json::Value) -> serde_json::Value {
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let marks = marks.map(|mark| serde_json::json!({"content": mark, "id": vocab[mark]}));
    serde_json::json!({
        "truncation": {"max_length": 8},
        "padding": {"strategy": {"Fixed": 8}},
        "added_tokens": marks,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab},
    })
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_json(description(&golden().vocab).to_string().as_bytes()).unwrap()
}

#[test]
fn texts_split_as_the_reference_splits_them() {
    let (golden, tokenizer, mut tokens) = (golden(), tokenizer(), Tokens::default());
    assert!(golden.cases.len() > 300);
    for (text, ids) in golden.cases {
        tokenizer.tokenize(&text, &mut tokens).unwrap();
        assert_eq!(tokens.ids(), ids, "{text:?}");
    }
}

#[test]
fn the_limit_counts_the_marks_and_cuts_nothing() {
    let (tokenizer, mut tokens) = (tokenizer().limited(6), Tokens::default());
    for text in ["a b c d", "....", "[SEP] a [MASK] b", "aaaa"] {
        let fits = tokenizer.tokenize(text, &mut tokens).is_ok();
        assert!(fits && tokens.ids().len() <= 6, "{text}");
    }
    for text in ["a b c d e", ".....", "[SEP] a [MASK] b [PAD]", "[SEP][SEP][SEP][SEP][SEP]"] {
        let error = tokenizer.tokenize(text, &mut tokens).unwrap_err();
        assert!(matches!(error, Error::TooLong { limit: 6 }), "{text}");
    }
}

#[test]
fn what_is_too_long_is_not_read_to_its_end() {
    let (tokenizer, mut tokens) = (tokenizer().limited(6), Tokens::default());
    let endless = "a ".repeat(1 << 20);
    tokenizer.tokenize(&endless, &mut tokens).unwrap_err();
    assert!(tokens.ids().len() <= 6);
}

#[test]
fn memory_that_is_used_again_remembers_nothing() {
    let (tokenizer, mut tokens) = (tokenizer().limited(6), Tokens::default());
    tokenizer.tokenize("a b c d", &mut tokens).unwrap();
    let wanted = tokens.ids().to_vec();
    tokenizer.tokenize("a b c d e f g", &mut tokens).unwrap_err();
    tokenizer.tokenize("a b c d", &mut tokens).unwrap();
    assert_eq!(tokens.ids(), wanted);
}

#[test]
fn another_kind_of_tokenizer_is_refused() {
    let vocab = golden().vocab;
    for (pointer, value) in [
        ("/normalizer/lowercase", serde_json::json!(false)),
        ("/normalizer/strip_accents", serde_json::json!(false)),
        ("/pre_tokenizer/type", serde_json::json!("Whitespace")),
        ("/model/type", serde_json::json!("BPE")),
        ("/model/max_input_chars_per_word", serde_json::json!(64)),
        ("/model/vocab", serde_json::json!({"[UNK]": 0})),
    ] {
        let mut changed = description(&vocab);
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(Tokenizer::from_json(changed.to_string().as_bytes()).is_err(), "{pointer}");
    }
    let description = serde_json::from_value(description(&vocab)).unwrap();
    assert!(Tokenizer::from_description(&description, 30_522).is_ok());
    let error = Tokenizer::from_description(&description, 1000).unwrap_err();
    assert!(error.contains("1000"), "numbers beyond the model's table");
}
