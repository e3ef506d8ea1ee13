use proptest::prelude::*;

use super::super::MAX_DEPTH;
use super::super::window::tests::ways;
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

#[test]
fn what_stands_between_strings_is_right_in_its_place_only() {
    for document in [
        r#"[{"a":"b"},{"c":"d"}]"#,
        r#"[{"a": "b"}, {"c": "d", "e": "f"}]"#,
        r#"{"x":[{"a":"b","c":"\\"},{"c":"\"","d":"e"}, {"f":"g"}]}"#,
        r#"[["a","b"],["c", "d"]]"#,
        r#"[{"a":"b"},"c",{"d":"e"}]"#,
    ] {
        assert!(validate(document.as_bytes()).is_ok(), "{document}");
        assert!(oracle(document.as_bytes()), "{document}");
    }
    for document in [
        r#"{"a":"b"},{"c":"d"}"#,
        r#"{"x":{"a":"b"},{"c":"d"}}"#,
        r#"{"x":{"a":"b"}, {"c":"d"}}"#,
        r#"[{"x":{"a":"b"},{"c":"d"}}]"#,
        r#"{"x":{"y":{"a":"b"},{"c":"d"}}}"#,
        r#"[{"a":"b","c"}]"#,
        r#"[{"a":"b"},{"c"}]"#,
        r#"[{"a":"b":"c"}]"#,
        r#"[{"a","b"}]"#,
        r#"["a":"b"]"#,
        r#"["a"},{"b":"c"}]"#,
        r#"[{"a":"b"]"#,
        r#"[{"a":"b"},{"#,
        r#"[{"a":"b"},{""#,
    ] {
        assert!(validate(document.as_bytes()).is_err(), "{document}");
        assert!(!oracle(document.as_bytes()), "{document}");
    }
}

#[test]
fn a_refusal_says_where() {
    for (document, offset, what) in [
        (r#"[{"a":"b"},{"c":"d"},{"e"}]"#, 25, "expected a colon"),
        (r#"[{"a":"b", "c": "d"}, {"e": "f"},]"#, 33, "expected a value"),
        (r#"[{"a":"b",3}]"#, 10, "expected a key in double quotes"),
        (r#"[{"a":"b\x"}]"#, 8, "an unknown escape"),
        (r#"[{"a":"\u00e"}]"#, 7, "expected four hexadecimal digits"),
        ("[{\"a\":\"b\n\"}]", 8, "a control character in a string"),
        (r#"[{"a":"b"},{"c":"d"#, 18, "a string without an end"),
        (r#"[{"a":"b"},{"c":"d""#, 19, "the document ends too early"),
        (r#"{"a":{"b":"c"]}"#, 13, "expected a comma or a closing bracket"),
        (r#"{"a":{"b":"c"}}}"#, 15, "something follows the value"),
        (r#"{"a":{"b":-}}"#, 11, "expected a digit"),
    ] {
        assert_eq!(validate(document.as_bytes()).unwrap_err(), Invalid { offset, what }, "{document}");
        assert!(members(document).is_err(), "{document}");
    }
}

#[test]
fn windows_may_end_anywhere_in_a_string() {
    for before in 0..600 {
        let text = "x".repeat(before);
        for part in ["\u{e9}", "\u{20ac}", "\u{1f600}", "\\\"", "\\u00e9", "\",\"k\":\""] {
            let document = format!("{{\"a\":\"{text}{part}{text}\",\"b\":[\"{text}\u{e9}\"]}}");
            assert!(validate(document.as_bytes()).is_ok(), "{part} behind {before}");
            let found = members(&document).unwrap();
            assert_eq!(found.last().unwrap().0, "b", "{part} behind {before}");
        }
        let mut document = format!("[\"{text}\u{1f600}\",\"{text}\"]").into_bytes();
        document.remove(before + 4);
        let refused = Invalid { offset: before + 2, what: "invalid UTF-8" };
        assert_eq!(validate(&document).unwrap_err(), refused, "behind {before}");
    }
}

/// Strings longer than a window, with what ends or spoils them anywhere.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => (0usize..20).prop_map(|length| "y".repeat(length)),
        1 => (0usize..400).prop_map(|length| "x".repeat(length)),
        4 => prop::sample::select(vec!["\"", "\\", "\n", "\u{1}", "\u{e9}", "\u{20ac}", "\u{1f600}"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// A conversation as clients write it: compact, as Python's `json` does, or in lines.
fn conversation() -> impl Strategy<Value = String> {
    let messages = prop::collection::vec((text(), text(), any::<bool>()), 0..5);
    (messages, 0..3).prop_map(|(messages, spacing)| {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(role, content, in_parts)| {
                if in_parts {
                    serde_json::json!({"role": role, "content": [{"text": content}, {"n": [1, null, {}]}]})
                } else {
                    serde_json::json!({"role": role, "content": content})
                }
            })
            .collect();
        let document = serde_json::json!({"messages": messages, "stream": true});
        match spacing {
            0 => document.to_string(),
            1 => serde_json::to_string_pretty(&document).unwrap(),
            _ => {
                let lines = serde_json::to_string_pretty(&document).unwrap();
                lines.lines().map(str::trim_start).collect::<Vec<_>>().join(" ")
            }
        }
    })
}

/// The verdict of the scanner, the same for every way to look into strings.
fn verdict(document: &[u8]) -> Result<(), Invalid> {
    let verdict = validate(document);
    for (name, look) in ways() {
        let mut scanner = Scanner { look, ..Scanner::new(document) };
        let end = scanner.document();
        assert_eq!(scanner.finish(end), verdict, "{name}");
    }
    verdict
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
    fn agrees_with_serde_json_on_damaged_conversations(
        document in conversation(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..3),
    ) {
        let mut text = document.into_bytes();
        prop_assert!(verdict(&text).is_ok());
        for (at, byte, kind) in damage {
            let index = at.index(text.len());
            match kind {
                0 => text[index] = byte,
                1 => text[index] = b"{}[]:,\"\\ \n0"[usize::from(byte) % 11],
                _ => drop(text.remove(index)),
            }
        }
        let valid = oracle(&text) && std::str::from_utf8(&text).is_ok();
        let verdict = verdict(&text);
        prop_assert_eq!(verdict.is_ok(), valid);
        let is_object = text.trim_ascii_start().first() == Some(&b'{');
        prop_assert_eq!(scan_object(&text, |_| {}).is_ok(), valid && is_object);
        if let Err(invalid) = verdict {
            prop_assert!(invalid.offset <= text.len());
        }
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
