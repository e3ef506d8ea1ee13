//! With the real weights: `FERROGATE_MINILM=FOLDER cargo test -p ferrogate-embed -- --ignored`.

use std::fs;
use std::path::PathBuf;

use crate::tiny;
use ferrogate_embed::{Embed, Embedder, Error, Options, SHA256, Scratch, Tokenizer, Tokens};

fn folder() -> PathBuf {
    std::env::var_os("FERROGATE_MINILM").expect("FERROGATE_MINILM names the folder of the model").into()
}

#[test]
#[ignore = "needs the weights"]
fn texts_split_as_the_reference_splits_them() {
    #[derive(serde::Deserialize)]
    struct Golden {
        cases: Vec<(String, Vec<u32>)>,
    }
    let golden: Golden =
        serde_json::from_slice(&fs::read(tiny::golden().join("tokens.json")).unwrap()).unwrap();
    let tokenizer = Tokenizer::from_json(&fs::read(folder().join("tokenizer.json")).unwrap()).unwrap();
    let mut tokens = Tokens::default();
    for (text, ids) in golden.cases {
        tokenizer.tokenize(&text, &mut tokens).unwrap();
        assert_eq!(tokens.ids(), ids, "{text:?}");
    }
}

#[test]
#[ignore = "needs the weights"]
fn vectors_are_those_of_the_reference() {
    for portable in [false, true] {
        let embedder = Embedder::with(folder(), &Options { portable, ..Options::default() }).unwrap();
        let mut scratch = Scratch::default();
        for (text, wanted) in tiny::vectors("minilm.json") {
            let found = embedder.embed(&text, &mut scratch).unwrap();
            let cosine: f64 = found.iter().zip(&wanted).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            assert!(cosine > 0.999_999, "{cosine} for {text:?}, portable: {portable}");
            let apart = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 2e-6, "{apart} for {text:?}, portable: {portable}");
        }
    }
}

#[test]
#[ignore = "needs the weights"]
fn the_pinned_weights_have_their_name_and_limit() {
    let embedder = Embedder::new(folder()).unwrap();
    assert_eq!(embedder.id(), format!("all-MiniLM-L6-v2/sha256:{SHA256}"));
    let mut scratch = Scratch::default();
    assert!(embedder.embed(&"word ".repeat(254), &mut scratch).is_ok());
    let error = embedder.embed(&"word ".repeat(255), &mut scratch).unwrap_err();
    assert!(matches!(error, Error::TooLong { limit: 256 }));
}
