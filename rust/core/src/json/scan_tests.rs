use proptest::prelude::*;

use super::*;

fn members(document: &str) -> Result<Vec<(&str, &str)>, Invalid> {
    let mut found = Vec::new();
    scan_object(document.as_bytes(), |member| {
        found.push((
            &document[member.key.start..member.key.end],
            &document[member.value.start..member.value.end],
        ));
    })?;
    Ok(found)
}

fn oracle(document: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(document).is_ok()
}

#[test]
fn finds_the_members_of_the_top_level_only() {
    let document = r#" { "model" : "a\"b" , "messages":[{"model":"x"},[]], "e":{}, "n":-1.5e+3,"t":true }  "#;
    assert_eq!(
        members(document).unwrap(),
        [
            ("model", r#""a\"b""#),
            ("messages", r#"[{"model":"x"},[]]"#),
            ("e", "{}"),
            ("n", "-1.5e+3"),
            ("t", "true")
        ]
    );
    assert_eq!(members("{}").unwrap(), []);
}

#[test]
fn refuses_what_is_not_an_object() {
    for document in ["[]", "1", "\"a\"", "null"] {
        assert_eq!(members(document).unwrap_err().what, "the body is not a JSON object", "{document}");
    }
    assert_eq!(members("[").unwrap_err().what, "the document ends too early");
    assert_eq!(members("").unwrap_err().what, "the document ends too early");
}

#[test]
fn refuses_what_rfc_8259_refuses() {
    for document in [
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"a\":tru}",
        "{\"a\":\"x",
        "\u{feff}{}",
        "{,}",
    ] {
        assert!(members(document).is_err(), "{document}");
        assert!(!oracle(document.as_bytes()), "{document}");
    }
    assert!(validate(b"{\"a\":\"\xff\"}").is_err());
    assert!(validate(b"\"\\ud800\"").is_ok(), "lone surrogate escapes pass");
}

#[test]
fn depth_ends_at_the_limit() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(validate(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(
        validate((nested(MAX_DEPTH)[..MAX_DEPTH].to_owned() + "[1").as_bytes()).unwrap_err().what,
        "nested too deeply"
    );
}

#[test]
fn every_prefix_of_a_document_is_refused() {
    let document = br#"{"model":"m","a":[{"b":"\u00e9 long enough for a word"}, -0.5E-7, false]}"#;
    for end in 0..document.len() {
        assert!(validate(&document[..end]).is_err(), "{end}");
    }
    assert!(validate(document).is_ok());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC*".prop_map(Into::into),
        "[\"\\\\\n\u{1}a]*".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map("\\PC*", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn accepts_what_serde_json_writes(value in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert!(validate(text.as_bytes()).is_ok());
        // Floats may change in their last digit on the way through text, so both sides are read from text.
        let reread: serde_json::Value = serde_json::from_str(&text).unwrap();
        if let Some(object) = reread.as_object() {
            let found = members(&text).unwrap();
            prop_assert_eq!(found.len(), object.len());
            for (key, raw) in found {
                let key: String = serde_json::from_str(&format!("\"{key}\"")).unwrap();
                prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(raw).unwrap(), &object[&key]);
            }
        }
    }

    #[test]
    fn agrees_with_serde_json_on_damaged_documents(value in json(), at: prop::sample::Index, byte: u8) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let index = at.index(text.len());
        text[index] = byte;
        // The oracle recurses to 128 levels as well; lone surrogates are the one difference, and IgnoredAny skips them.
        prop_assert_eq!(validate(&text).is_ok(), oracle(&text) && std::str::from_utf8(&text).is_ok());
    }

    #[test]
    fn agrees_with_serde_json_on_token_soup(text in "[\\[\\]{}:,\"\\\\0-9eE.+\\-truefalsn \u{0}\u{e9}]{0,40}") {
        prop_assert_eq!(validate(text.as_bytes()).is_ok(), oracle(text.as_bytes()));
    }

    #[test]
    fn never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = scan_object(&bytes, |member| { let _ = (member.key.of(&bytes), member.value.of(&bytes)); });
    }
}
