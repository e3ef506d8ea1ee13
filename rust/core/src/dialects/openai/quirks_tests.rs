use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::*;
use crate::dialects::openai;

#[derive(Deserialize)]
struct Case {
    name: String,
    quirks: Wire,
    body: String,
    model: Option<String>,
    /// None where the body is left alone.
    fitted: Option<String>,
    #[serde(default)]
    dropped: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    rename: std::collections::BTreeMap<String, String>,
    unsupported: Vec<String>,
    required: std::collections::BTreeMap<String, Value>,
}

impl Wire {
    fn quirks(self) -> Quirks {
        let required = self.required.into_iter().map(|(name, value)| (name, value.to_string()));
        Quirks::new(self.rename, self.unsupported, required).unwrap().unwrap()
    }
}

fn fit(quirks: &Quirks, body: &str, model: Option<&str>) -> Option<(String, Vec<String>)> {
    let span = openai::read(body.as_bytes()).unwrap().model;
    let fitted = quirks.fit(body.as_bytes(), span.zip(model))?;
    Some((String::from_utf8(fitted.body).unwrap(), fitted.dropped.into_iter().map(Into::into).collect()))
}

#[test]
fn every_golden_case_comes_out_byte_for_byte() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../../../tests/golden/quirks.json")).unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let expected = case.fitted.map(|body| (body, case.dropped));
        let found = fit(&case.quirks.quirks(), &case.body, case.model.as_deref());
        assert_eq!(found, expected, "{}", case.name);
    }
}

#[test]
fn what_the_gateway_writes_itself_is_no_quirk() {
    let pair = |from: &str, to: &str| [(from.to_owned(), to.to_owned())];
    assert!(Quirks::new(pair("model", "engine"), [], []).is_err());
    assert!(Quirks::new(pair("engine", "model"), [], []).is_err());
    assert!(Quirks::new([], ["stream".to_owned()], []).is_err());
    assert!(Quirks::new([], [], pair("messages", "[]")).is_err());
    assert_eq!(Quirks::new([], [], []), Ok(None));
}

const NAMES: [&str; 6] = ["max_completion_tokens", "max_tokens", "seed", "user", "top_k", "n"];

fn body() -> impl Strategy<Value = String> {
    let member = (0..NAMES.len(), prop_oneof!["null", "1", r#""a,}""#, r#"\{"user":1\}"#], " {0,2}");
    proptest::collection::vec(member, 0..7).prop_map(|members| {
        let members: Vec<_> = members
            .into_iter()
            .map(|(name, value, space)| format!("{space}\"{}\"{space}:{space}{value}{space}", NAMES[name]))
            .collect();
        format!(" {{{}}} ", members.join(","))
    })
}

proptest! {
    /// Whatever stands where, the result is JSON, nothing refused is left, and the rest has its values.
    #[test]
    fn the_result_is_the_body_less_what_goes(body in body()) {
        let required = [("top_k".to_owned(), "40".to_owned())];
        let rename = [("max_completion_tokens".to_owned(), "max_tokens".to_owned())];
        let quirks = Quirks::new(rename, ["user".to_owned()], required).unwrap().unwrap();
        let before: Map<String, Value> = serde_json::from_str(&body).unwrap();
        let (fitted, dropped) = fit(&quirks, &body, None).unwrap_or_else(|| (body.clone(), Vec::new()));
        let after: Map<String, Value> = serde_json::from_str(&fitted).unwrap();
        prop_assert!(!after.contains_key("user") && !after.contains_key("max_completion_tokens"));
        for name in ["seed", "n"] {
            prop_assert_eq!(after.get(name), before.get(name));
        }
        let added = Value::from(40);
        prop_assert_eq!(after.get("top_k"), before.get("top_k").or(Some(&added)));
        let said = |name: &str| before.get(name).is_some_and(|value| !value.is_null());
        prop_assert!(!said("user") || dropped.iter().any(|name| name == "user"));
    }
}
