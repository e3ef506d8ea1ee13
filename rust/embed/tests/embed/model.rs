//! The whole way from a folder to vectors, with invented weights.

use std::fs;

use crate::tiny;
use ferrogate_embed::{Embed, Embedder, Error, Options, Scratch, Vector};
use serde_json::json;

fn cosine(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[test]
fn vectors_are_those_of_the_reference() {
    let folder = tiny::Folder::new();
    for portable in [false, true] {
        let options = Options { portable, ..tiny::options() };
        let embedder = Embedder::with(folder.path(), &options).unwrap();
        let mut scratch = Scratch::default();
        for (text, wanted) in tiny::vectors("tiny/vectors.json") {
            let found = embedder.embed(&text, &mut scratch).unwrap();
            assert!(cosine(&found, &wanted) > 0.999_999, "{text:?}, portable: {portable}");
        }
    }
}

#[test]
fn what_was_embedded_before_does_not_matter() {
    let folder = tiny::Folder::new();
    let embedder = Embedder::with(folder.path(), &tiny::options()).unwrap();
    let fresh = embedder.embed("how do i", &mut Scratch::default()).unwrap();
    let mut scratch = Scratch::default();
    embedder.embed(&"x ".repeat(40), &mut scratch).unwrap();
    embedder.embed(&"x ".repeat(400), &mut scratch).unwrap_err();
    let again = embedder.embed("how do i", &mut scratch).unwrap();
    assert_eq!(again.map(f32::to_bits), fresh.map(f32::to_bits));
}

#[test]
fn a_text_over_the_limit_has_no_vector() {
    let folder = tiny::Folder::new();
    let embedder = Embedder::with(folder.path(), &tiny::options()).unwrap();
    assert_eq!(embedder.limit(), 48, "the positions, which are fewer than 256");
    let mut scratch = Scratch::default();
    assert!(embedder.embed(&"x ".repeat(46), &mut scratch).is_ok());
    let error = embedder.embed(&"x ".repeat(47), &mut scratch).unwrap_err();
    assert!(matches!(error, Error::TooLong { limit: 48 }));
}

#[test]
fn other_weights_are_refused_unless_they_are_asked_for() {
    let folder = tiny::Folder::new();
    let Err(Error::OtherWeights { found, wanted, .. }) = Embedder::new(folder.path()) else {
        panic!("it was not refused");
    };
    assert_eq!(wanted, ferrogate_embed::SHA256);
    let asked = Options { sha256: Some(found.clone()), portable: false };
    let embedder = Embedder::with(folder.path(), &asked).unwrap();
    assert_eq!(embedder.id(), format!("bert-384/sha256:{found}"));
}

#[test]
fn another_shape_is_refused_with_the_file_and_the_reason() {
    for (name, value, why) in [
        ("hidden_act", json!("relu"), "gelu"),
        ("position_embedding_type", json!("relative_key"), "absolute"),
        ("hidden_size", json!(768), "768"),
        ("num_attention_heads", json!(0), "head"),
        ("num_attention_heads", json!(48), "head"),
        ("intermediate_size", json!(72), "multiples"),
        ("intermediate_size", json!(128), "shape"),
        ("num_hidden_layers", json!(3), "encoder.layer.2"),
        ("vocab_size", json!(10), "10 pieces"),
    ] {
        let folder = tiny::Folder::new();
        folder.configure(name, value);
        let error = Embedder::with(folder.path(), &tiny::options()).err().unwrap();
        assert!(matches!(error, Error::Unsuitable { .. }), "{name}: {error}");
        assert!(error.to_string().contains(why), "{name}: {error}");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = tiny::Folder::new();
        fs::remove_file(folder.path().join(name)).unwrap();
        let error = Embedder::with(folder.path(), &tiny::options()).err().unwrap();
        assert!(matches!(error, Error::Unreadable { .. }) && error.to_string().contains(name), "{error}");
    }
}

#[test]
fn threads_share_the_weights() {
    let folder = tiny::Folder::new();
    let embedder = Embedder::with(folder.path(), &tiny::options()).unwrap();
    let wanted = embedder.embed("password", &mut Scratch::default()).unwrap();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| embedder.clone().embed("password", &mut Scratch::default()).unwrap()))
            .collect();
        for run in runs {
            assert_eq!(run.join().unwrap().map(f32::to_bits), wanted.map(f32::to_bits));
        }
    });
}
