//! The snapshot: a document is taken whole or leaves no trace.

use ferrogate_core::balance::{LaneTables, Moment};
use ferrogate_core::dialects::Operation;
use ferrogate_core::snapshot::{Asked, Rejected, Snapshot};

const GOOD: &[u8] = include_bytes!("../../../tests/golden/snapshot.json");

/// How often the first key of the good document was used, as its lanes remember it.
fn successes(snapshot: &Snapshot) -> u64 {
    used_key(snapshot).lanes.lane("fuzz").counts().1
}

fn used_key(snapshot: &Snapshot) -> &ferrogate_core::snapshot::Key {
    snapshot.providers.iter().flat_map(|provider| &provider.keys).next().unwrap()
}

/// A refusal names its reason and changes nothing; what is accepted can be used.
pub(crate) fn check(data: &[u8]) {
    let mut lanes = LaneTables::default();
    let before = Snapshot::compile(GOOD, &mut lanes).unwrap();
    used_key(&before).lanes.lane("fuzz").begin(Moment::default()).success(Moment::default(), None);
    match Snapshot::compile(data, &mut lanes) {
        Err(Rejected(reason)) => {
            assert!(!reason.is_empty());
            let after = Snapshot::compile(GOOD, &mut lanes).unwrap();
            assert_eq!(successes(&after), 1, "a refused document must not touch the lanes");
        }
        Ok(snapshot) => use_it(&snapshot, data),
    }
    assert_eq!(successes(&before), 1, "requests that run keep what they have");
}

fn use_it(snapshot: &Snapshot, data: &[u8]) {
    let wire: serde_json::Value = serde_json::from_slice(data).unwrap();
    assert_eq!(wire["version"], 1);
    assert_eq!(wire["providers"].as_array().unwrap().len(), snapshot.providers.len());
    assert_eq!(wire["aliases"].as_array().unwrap().len(), snapshot.alias_names().count());
    let mut names: Vec<&str> = snapshot.alias_names().collect();
    for provider in &snapshot.providers {
        assert!(std::ptr::eq(&raw const **provider, &raw const **snapshot.provider(&provider.name).unwrap()));
        names.push(&provider.name);
        for key in &provider.keys {
            assert!(key.weight.is_finite() && key.weight >= 0.0, "weight {}", key.weight);
            key.lanes.lane("m").begin(Moment::default()).success(Moment::default(), None);
        }
        // Whatever the templates are, an address is made or refused, and never panics.
        for model in ["m", "a/b c", "", "..", "\u{e9}"] {
            let _ = provider.uri(Operation::ChatCompletions, "chat/completions", Some("a=b"), model);
            let _ = provider.uri(Operation::Stored, "files/%2e", None, model);
        }
    }
    for name in &names {
        for model in [(*name).to_owned(), format!("{name}/m")] {
            let asked =
                Asked { model: &model, own_provider: "openai", provider: None, fallbacks: Some("a/b, c") };
            if let Ok(tiers) = snapshot.resolve(&asked) {
                assert!(!tiers.is_empty(), "{model} resolves to nothing");
            }
        }
    }
    let shown = format!("{snapshot:?}");
    for secret in secrets(&wire) {
        assert!(!shown.contains(&secret), "debug output shows a key");
    }
}

/// The values of keys that are long enough to be told from other text.
fn secrets(wire: &serde_json::Value) -> Vec<String> {
    let providers = wire["providers"].as_array().into_iter().flatten();
    let keys = providers.flat_map(|provider| provider["keys"].as_array().into_iter().flatten());
    let values = keys.filter_map(|key| key["value"].as_str().map(str::to_owned));
    let text = wire.to_string();
    values.filter(|value| value.len() >= 12 && text.matches(value.as_str()).count() == 1).collect()
}
