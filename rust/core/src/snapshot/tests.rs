use serde_json::{Value, json};

use super::*;
use crate::dialects::Operation;
use crate::error::Kind;
use crate::snapshot::{Asked, Tier};

pub(crate) fn provider(name: &str, keys: &Value) -> Value {
    json!({
        "name": name, "kind": name, "dialect": "openai", "base_url": format!("https://{name}.example/v1"),
        "auth": {"header": "authorization", "prefix": "Bearer "}, "templates": {"*": "/{path}"}, "query": "",
        "headers": {}, "forward_headers": [],
        "timeouts": {"connect_ms": 1, "headers_ms": 1, "idle_ms": 1, "json_ms": 1, "deadline_ms": 1},
        "http2": "auto", "keyless": false, "configured": !keys.as_array().unwrap().is_empty(), "key_hint": "", "keys": keys,
    })
}

fn key(id: &str, models: &[&str]) -> Value {
    json!({"id": id, "name": id, "value": "sk-secret", "weight": 1.0, "models": models, "enabled": true})
}

fn document(providers: &[Value], aliases: &Value) -> Value {
    json!({
        "version": 1, "auth": {"required": false, "gateway_keys": [], "allowed_hosts": [], "allowed_origins": []},
        "limits": {
            "client_headers_ms": 1, "client_headers_bytes": 1, "client_body_idle_ms": 1, "client_keepalive_ms": 1,
            "client_stall_ms": 1, "json_body_bytes": 1, "buffered_bytes": 1, "stream_body_bytes": 1, "answer_bytes": 1,
            "max_connections": 1
        },
        "expose_headers": true, "providers": providers, "aliases": aliases,
    })
}

fn compile(document: &Value) -> Result<Snapshot, Rejected> {
    Snapshot::compile(document.to_string().as_bytes(), &mut LaneTables::default())
}

fn sample() -> Snapshot {
    compile(&document(
        &[
            provider("openai", &json!([key("k1", &["*"])])),
            provider("groq", &json!([])),
            provider("vllm", &json!([key("k2", &["llama-local"])])),
        ],
        &json!([
            {"name": "chat", "targets": [
                {"provider": "openai", "model": "gpt", "weight": null},
                {"provider": "vllm", "model": "llama-local", "weight": 2.0},
                {"provider": "groq", "model": "g", "weight": null}
            ]}
        ]),
    ))
    .unwrap()
}

fn resolved(snapshot: &Snapshot, model: &str) -> Result<Vec<(String, String, u32)>, Kind> {
    let asked = Asked { model, own_provider: "openai", provider: None, fallbacks: None };
    let name = |tier: Tier| (tier.provider.name.to_string(), tier.model.to_string(), tier.tier);
    snapshot.resolve(&asked).map(|tiers| tiers.into_iter().map(name).collect()).map_err(|error| error.kind)
}

#[test]
fn names_resolve_in_the_documented_order() {
    let snapshot = sample();
    let one = |provider: &str, model: &str| Ok(vec![(provider.to_owned(), model.to_owned(), 0)]);
    assert_eq!(
        resolved(&snapshot, "chat").unwrap(),
        [
            ("vllm".to_owned(), "llama-local".to_owned(), 0),
            ("openai".to_owned(), "gpt".to_owned(), 1),
            ("groq".to_owned(), "g".to_owned(), 2)
        ]
    );
    assert_eq!(resolved(&snapshot, "vllm/any/thing"), one("vllm", "any/thing"));
    assert_eq!(resolved(&snapshot, "llama-local"), one("vllm", "llama-local"));
    assert_eq!(resolved(&snapshot, "gpt-4o"), one("openai", "gpt-4o"));
    assert_eq!(
        resolved(&snapshot, "groq/x"),
        one("openai", "groq/x"),
        "groq has no key, so it is no provider here"
    );
}

#[test]
fn an_unknown_provider_is_answered_with_the_nearest_names() {
    let snapshot = sample();
    let asked = Asked { model: "m", own_provider: "openai", provider: Some("opnai"), fallbacks: None };
    let error = snapshot.resolve(&asked).unwrap_err();
    assert_eq!(error.kind, Kind::ProviderNotFound);
    assert!(error.message.contains("openai"), "{}", error.message);
    let own = Asked { model: "m", own_provider: "anthropic", provider: None, fallbacks: None };
    assert_eq!(snapshot.resolve(&own).unwrap_err().kind, Kind::ProviderNotFound);
}

#[test]
fn a_name_with_an_unknown_provider_is_the_own_providers_or_not_found() {
    let with_key = sample();
    assert_eq!(resolved(&with_key, "nosuch/m").unwrap()[0], ("openai".to_owned(), "nosuch/m".to_owned(), 0));
    let without =
        compile(&document(&[provider("openai", &json!([])), provider("groq", &json!([]))], &json!([])))
            .unwrap();
    assert_eq!(resolved(&without, "nosuch/m"), Err(Kind::ProviderNotFound));
    assert_eq!(resolved(&without, "groq/m").unwrap()[0].0, "groq");
    assert_eq!(resolved(&without, "gpt-4o").unwrap()[0].0, "openai");
}

#[test]
fn fallbacks_come_after_everything_else() {
    let snapshot = sample();
    let asked =
        Asked { model: "gpt", own_provider: "openai", provider: None, fallbacks: Some("vllm/a, openai/b") };
    let tiers = snapshot.resolve(&asked).unwrap();
    let shape: Vec<_> = tiers.iter().map(|tier| (&*tier.provider.name, &*tier.model, tier.tier)).collect();
    assert_eq!(shape, [("openai", "gpt", 0), ("vllm", "a", 1), ("openai", "b", 2)]);
}

#[test]
fn unknown_fields_and_wrong_values_are_refused_by_name() {
    let good = document(&[provider("openai", &json!([key("k", &["*"])]))], &json!([]));
    assert!(compile(&good).is_ok());
    let refusal = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        compile(&bad).unwrap_err().0
    };
    assert!(refusal("/limits", json!({"x": 1})).contains("unknown field `x`"));
    assert!(refusal("/version", json!(2)).contains("version 2"));
    assert!(refusal("/providers/0/base_url", json!("ftp://x")).contains("provider openai: base_url"));
    assert!(refusal("/providers/0/base_url", json!("https://u:p@x")).contains("user name"));
    assert!(refusal("/providers/0/keys/0/weight", json!(-1)).contains("weight"));
    let newline = refusal("/providers/0/keys/0/value", json!("sk-secret\nx: y"));
    assert!(newline.contains("no header can") && !newline.contains("sk-secret"), "{newline}");
    assert!(
        refusal(
            "/aliases",
            json!([{"name": "a", "targets": [{"provider": "no", "model": "m", "weight": null}]}])
        )
        .contains("no provider is called no")
    );
}

#[test]
fn lanes_survive_a_change_and_go_with_their_key() {
    let mut lanes = LaneTables::default();
    let mut compile = |keys: Value| {
        Snapshot::compile(
            document(&[provider("openai", &keys)], &json!([])).to_string().as_bytes(),
            &mut lanes,
        )
        .unwrap()
    };
    let first = compile(json!([key("a", &["*"])]));
    first.providers[0].keys[0]
        .lanes
        .lane("m")
        .begin(crate::balance::Moment::default())
        .success(crate::balance::Moment::default(), None);
    let second = compile(json!([key("b", &["*"]), key("a", &["*"])]));
    assert_eq!(second.providers[0].keys[1].lanes.lane("m").counts().1, 1);
    compile(json!([key("b", &["*"])]));
    let last = compile(json!([key("a", &["*"])]));
    assert_eq!(last.providers[0].keys[0].lanes.lane("m").counts().1, 0);
}

#[test]
fn addresses_follow_the_templates() {
    let mut azure = provider("azure", &json!([key("k", &["*"])]));
    azure["base_url"] = json!("https://res.example/");
    azure["templates"] =
        json!({"*": "/openai/{path}", "chat.completions": "/openai/deployments/{model}/{path}"});
    azure["query"] = json!("api-version=2024-10-21");
    let snapshot = compile(&document(&[azure, provider("openai", &json!([]))], &json!([]))).unwrap();
    let uri = |index: usize, operation, rest: &str, query: Option<&str>| {
        snapshot.providers[index].uri(operation, rest, query, "a b/c").unwrap().to_string()
    };
    assert_eq!(
        uri(0, Operation::ChatCompletions, "chat/completions", Some("x=1")),
        "https://res.example/openai/deployments/a%20b%2Fc/chat/completions?api-version=2024-10-21&x=1"
    );
    assert_eq!(
        uri(0, Operation::Stored, "files", None),
        "https://res.example/openai/files?api-version=2024-10-21"
    );
    assert_eq!(
        uri(1, Operation::Stored, "files/a%2Fb", Some("after=x")),
        "https://openai.example/v1/files/a%2Fb?after=x"
    );
    // Those that are made beforehand, and the same paths where a request has more to say.
    let azure = "https://res.example/openai/embeddings?api-version=2024-10-21";
    let openai = "https://openai.example/v1/chat/completions";
    for (query, rest) in [(None, ""), (Some(""), ""), (Some("x=1"), "x=1")] {
        let joined = |start: &str, by: &str| {
            if rest.is_empty() { start.to_owned() } else { format!("{start}{by}{rest}") }
        };
        assert_eq!(uri(0, Operation::Embeddings, "embeddings", query), joined(azure, "&"));
        assert_eq!(uri(1, Operation::ChatCompletions, "chat/completions", query), joined(openai, "?"));
    }
    assert_eq!(uri(1, Operation::ChatCompletions, "chat", None), "https://openai.example/v1/chat");
}

#[test]
fn debug_output_holds_no_secret() {
    let text = format!(
        "{:?}",
        compile(&document(&[provider("openai", &json!([key("k", &["*"])]))], &json!([]))).unwrap()
    );
    assert!(!text.contains("sk-secret"));
}

#[test]
fn reads_what_the_python_end_writes() {
    let golden = include_bytes!("../../../../tests/golden/snapshot.json");
    let snapshot = Snapshot::compile(golden, &mut LaneTables::default()).unwrap();
    assert!(!snapshot.providers.is_empty() && snapshot.alias_names().count() > 0);
}

#[test]
fn bodies_are_kept_as_the_log_says_unless_an_alias_says_otherwise() {
    let target = json!([{"provider": "openai", "model": "gpt", "weight": null}]);
    let mut document = document(
        &[provider("openai", &json!([key("k1", &["*"])]))],
        &json!([
            {"name": "quiet", "targets": target, "payloads": false},
            {"name": "loud", "targets": target, "payloads": true},
            {"name": "plain", "targets": target, "payloads": null},
        ]),
    );
    let limits = |document: &Value| {
        let snapshot = compile(document).unwrap();
        ["quiet", "loud", "plain", "gpt", ""].map(|model| snapshot.payload_limit(model))
    };
    assert_eq!(limits(&document), [0, 64_000, 64_000, 64_000, 64_000]);
    document["log"] = json!({
        "payloads": false, "payload_limit_bytes": 10, "payload_retention_ms": 1, "payload_total_bytes": 1,
    });
    assert_eq!(limits(&document), [0, 10, 0, 0, 0]);
}

#[test]
fn answers_are_kept_as_the_top_level_says_unless_an_alias_says_otherwise() {
    let target = json!([{"provider": "openai", "model": "gpt", "weight": null}]);
    let exact = |enabled: bool, ttl_ms: u64, ignore: &[&str]| {
        json!({"exact": {"enabled": enabled, "ttl_ms": ttl_ms, "stale_ms": 2_000, "tool_calls": true, "coalesce": false,
            "ignore": ignore}})
    };
    let mut document = document(
        &[provider("openai", &json!([key("k1", &["*"])]))],
        &json!([
            {"name": "own", "targets": target, "cache": exact(true, 1_000, &["seed", "temperature"])},
            {"name": "off", "targets": target, "cache": exact(false, 1_000, &[])},
            {"name": "plain", "targets": target, "cache": null},
        ]),
    );
    let caching = |snapshot: &Snapshot, model: &str, provider: Option<&str>| {
        let asked = Asked { model, own_provider: "openai", provider, fallbacks: None };
        snapshot.route(&asked).unwrap().caching.clone()
    };
    let own = Some(Caching {
        exact: true,
        semantic: None,
        verifying: None,
        ttl: Duration::from_secs(1),
        stale: Duration::from_secs(2),
        tool_calls: true,
        coalesce: false,
        ignore: Box::new(["seed".into(), "temperature".into()]),
    });
    let unsaid = compile(&document).unwrap();
    assert_eq!(
        ["own", "off", "plain", "gpt"].map(|model| caching(&unsaid, model, None)),
        [own.clone(), None, None, None]
    );
    assert_eq!(unsaid.cache_bytes, 256_000_000);

    document["cache"] = exact(true, 60_000, &[]);
    document["cache_bytes"] = json!(1_000);
    let snapshot = compile(&document).unwrap();
    let top = Some(Caching { ttl: Duration::from_secs(60), ignore: Box::default(), ..own.clone().unwrap() });
    assert_eq!(
        ["own", "off", "plain", "gpt"].map(|model| caching(&snapshot, model, None)),
        [own, None, top.clone(), top.clone()]
    );
    assert_eq!(caching(&snapshot, "off", Some("openai")), top, "a pinned provider asks for no alias");
    assert_eq!(snapshot.cache_bytes, 1_000);

    document["cache"]["exact"]["ttl_s"] = json!(1);
    assert!(compile(&document).unwrap_err().0.contains("unknown field `ttl_s`"));
}
