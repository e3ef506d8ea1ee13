//! The span scanner and what reads by it, against `serde_json`.

use ferrogate_core::Kind;
use ferrogate_core::dialects::openai;
use ferrogate_core::json::{Member, escape_into, key_equals, scan_object, unescape, validate};

use crate::scan_oracle::{Members, is_json};

/// Tokens and what stands at their edges.
pub(crate) const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\\"",
    "null",
    "true",
    "false",
    "NaN",
    "0",
    "-",
    "-0",
    "1e999",
    "1.5E-7",
    "01",
    ".",
    " ",
    "\n",
    "\t",
    "\r",
    "\u{0}",
    "\u{1f}",
    "\u{7f}",
    "\u{e9}",
    "\u{1f600}",
    "\u{feff}",
    "\"model\":",
    "\"stream\":true",
    "\"mo\\u0064el\":\"x\"",
    "\"user\":",
    "\"seed\":",
    "\"random_seed\":null",
    ",\"us\\u0065r\":{\"seed\":1}",
    "{\"a\":[",
    "\"a\":{}",
    "        ",
    "xxxxxxxxxxxxxxxx",
    "\":\"",
    "\", \"",
    "\"},{\"",
    "\"}, {\"",
    "[{\"a\":\"b\"},{\"c\": \"d\"}]",
    "{\"messages\":[{\"role\":\"user\",\"content\":\"",
    RUN,
];

/// Longer than what the scanner looks at in one go.
const RUN: &str = concat!(
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
);

/// The same documents are taken as by `serde_json`, and the same members are found in them.
pub(crate) fn check(data: &[u8]) {
    let valid = is_json(data);
    assert_eq!(validate(data).is_ok(), valid, "validate");
    if let Err(invalid) = validate(data) {
        assert!(invalid.offset <= data.len());
    }
    let mut found: Vec<Member> = Vec::new();
    let scanned = scan_object(data, |member| found.push(member));
    let is_object = data.trim_ascii_start().first() == Some(&b'{');
    assert_eq!(scanned.is_ok(), valid && is_object, "scan_object");
    let mut end = 0;
    for member in &found {
        assert!(end <= member.key.start && member.key.end < member.value.start, "members stand in order");
        end = member.value.end;
        assert!(end <= data.len());
    }
    if scanned.is_err() {
        assert!(openai::read(data).is_err());
        return;
    }
    let Members(expected) = serde_json::from_slice(data).unwrap();
    assert_eq!(found.len(), expected.len(), "how many members");
    for (member, (key, value)) in found.iter().zip(expected) {
        let raw = std::str::from_utf8(member.key.of(data)).unwrap();
        assert_eq!(format!("\"{raw}\""), key.get());
        assert_eq!(member.value.of(data), value.get().as_bytes());
        let text = serde_json::from_str::<String>(key.get()).ok();
        assert_eq!(unescape(member.key.of(data)).map(String::from), text, "a lone surrogate is no text");
    }
    request(data);
    check_quirks(data, &found);
}

/// What the request path makes of it: the model is the one that a parser finds, and can be replaced in place.
fn request(data: &[u8]) {
    let parsed = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(data);
    match openai::read(data) {
        Ok(request) => {
            // A lone surrogate elsewhere is not for this parser, and passes the gateway.
            let Ok(parsed) = parsed else { return };
            let model = request.model_name(data);
            assert_eq!(model.as_deref(), parsed.get("model").and_then(serde_json::Value::as_str));
            assert_eq!(request.stream, parsed.get("stream") == Some(&serde_json::Value::Bool(true)));
            let Some(span) = request.model else { return };
            let mut other = data[..span.start].to_vec();
            escape_into(&mut other, "an\"other\\\n");
            other.extend_from_slice(&data[span.end..]);
            let again: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&other).unwrap();
            assert_eq!(again["model"], "an\"other\\\n");
            assert_eq!(again.len(), parsed.len());
        }
        Err(error) => assert!(
            matches!(error.kind, Kind::InvalidRequest | Kind::ModelMissing),
            "it is a JSON object: {error}"
        ),
    }
}

/// A provider's quirks leave JSON behind, in which nothing refused stands and every other value is as it was.
fn check_quirks(data: &[u8], members: &[Member]) {
    let rename = [("seed".to_owned(), "random_seed".to_owned())];
    let required = [("top_k".to_owned(), "40".to_owned())];
    let quirks = openai::Quirks::new(rename, ["user".to_owned()], required).unwrap().unwrap();
    let model = members.iter().find(|member| key_equals(member.key.of(data), "model"));
    let Some(fitted) = quirks.fit(data, model.map(|member| (member.value, "m"))) else { return };
    assert!(is_json(&fitted.body), "what is sent is JSON");
    let mut kept = Vec::new();
    scan_object(&fitted.body, |member| kept.push(member)).unwrap();
    for member in &kept {
        let key = member.key.of(&fitted.body);
        assert!(!key_equals(key, "user") && !key_equals(key, "seed"), "what is refused is not sent");
    }
    let others = |data: &[u8], members: &[Member]| -> Vec<Vec<u8>> {
        let own = ["user", "seed", "random_seed", "top_k", "model"];
        let other = |member: &&Member| own.iter().all(|name| !key_equals(member.key.of(data), name));
        let bytes = |member: &Member| data[member.key.start..member.value.end].to_vec();
        members.iter().filter(other).map(bytes).collect()
    };
    assert_eq!(others(&fitted.body, &kept), others(data, members), "the rest is the client's");
}
