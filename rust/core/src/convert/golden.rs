//! Every conversion against files: `tests/golden/convert/CASE/`.
//!
//! | file | |
//! |---|---|
//! | `request.openai.json` | given; becomes `request.anthropic.json`, or `refusal.json` |
//! | `target.json` | given, where the model is another than [`MODEL`] |
//! | `response.anthropic.json` | given; becomes `response.openai.json` |
//! | `stream.anthropic.sse` | given; becomes `stream.openai.sse` |
//! | `error.anthropic.json` | given, `{status, body}`; becomes `error.openai.json` |
//! | `dropped.json` | made: what could not be carried over, and how the stream ended |
//!
//! In a case called `reverse-...` the client speaks Anthropic's dialect and the provider OpenAI's, so the two names
//! change places. `FERROGATE_GOLDEN=write` writes what is made, to be read in the diff.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

const MODEL: &str = "claude-haiku-4-5";
const STAMP: Stamp<'_> = Stamp { id: "chatcmpl-golden", created: 1_700_000_000, model: MODEL };
/// Which way a case goes: the pair, the client's dialect, the provider's.
type Way = (Pair, &'static str, &'static str);

type Files = BTreeMap<String, Vec<u8>>;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/convert");
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn files(case: &Path) -> Files {
    let entries = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect()
}

/// Breaks JSON into lines without touching a byte of what is not white space.
fn pretty(json: &[u8]) -> Vec<u8> {
    crate::json::validate(json)
        .unwrap_or_else(|invalid| panic!("{invalid:?}: {}", String::from_utf8_lossy(json)));
    let (mut out, mut depth, mut text, mut escaped) = (Vec::new(), 0_usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    for (at, &byte) in json.iter().enumerate() {
        if text {
            text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            out.push(byte);
            continue;
        }
        let next = json.get(at + 1).copied().unwrap_or(0);
        match byte {
            b'{' | b'[' if !matches!(next, b'}' | b']') => {
                out.push(byte);
                depth += 1;
                line(&mut out, depth);
            }
            b'}' | b']' if !matches!(json[at - 1], b'{' | b'[') => {
                depth -= 1;
                line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => {
                text = byte == b'"';
                out.push(byte);
            }
        }
    }
    out.push(b'\n');
    out
}

fn names(dropped: &Dropped) -> Value {
    dropped.names().collect::<Vec<_>>().into()
}

fn run_stream(pair: Pair, bytes: &[u8], piece: usize, usage: bool) -> (Vec<u8>, Value) {
    let mut stream = Stream::new(pair, &STAMP, usage);
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        stream.push(piece, &mut out);
    }
    stream.end(&mut out);
    let end = match (stream.is_complete(), stream.has_failed()) {
        (true, false) => "complete",
        (false, true) => "failed",
        (false, false) => "cut",
        (true, true) => panic!("complete and failed"),
    };
    let text = String::from_utf8(out.clone()).unwrap();
    for data in text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]") {
        crate::json::validate(data.as_bytes()).unwrap();
    }
    let terminated = text.ends_with("data: [DONE]\n\n") || text.ends_with("{\"type\":\"message_stop\"}\n\n");
    assert_eq!(terminated, end == "complete");
    let usage = stream.usage().map(|usage| json!([usage.input, usage.output, usage.cached]));
    (out, json!({"end": end, "finish": stream.finish(), "usage": usage, "dropped": names(stream.dropped())}))
}

/// Everything that follows from what is given.
fn made((pair, client, provider): Way, given: &Files) -> Files {
    let mut made = Files::new();
    let mut facts = serde_json::Map::new();
    let mut counted = true;
    if let Some(body) = given.get(&format!("request.{client}.json")) {
        let target: Value =
            given.get("target.json").map(|raw| serde_json::from_slice(raw).unwrap()).unwrap_or_default();
        let mut settings = Target::of(target["model"].as_str().unwrap_or(MODEL));
        settings.max_tokens = target["max_tokens"].as_u64().unwrap_or(MAX_TOKENS);
        match request(pair, body, &settings) {
            Ok(converted) => {
                made.insert(format!("request.{provider}.json"), pretty(&converted.body));
                facts.insert("request".to_owned(), names(&converted.dropped));
                counted = converted.stream_usage;
            }
            Err(refusal) => {
                let body = json!({"kind": refusal.kind().id(), "message": refusal.message()});
                made.insert("refusal.json".to_owned(), pretty(body.to_string().as_bytes()));
            }
        }
    }
    if let Some(body) = given.get(&format!("response.{provider}.json")) {
        let mut dropped = Dropped::default();
        let answered = answer(pair, body, &STAMP, &mut dropped).unwrap();
        made.insert(format!("response.{client}.json"), pretty(&answered));
        facts.insert("response".to_owned(), names(&dropped));
    }
    if let Some(bytes) = given.get(&format!("stream.{provider}.sse")) {
        let (out, end) = run_stream(pair, bytes, bytes.len(), counted);
        for piece in [1, 7] {
            assert_eq!(
                run_stream(pair, bytes, piece, counted),
                (out.clone(), end.clone()),
                "in pieces of {piece}"
            );
        }
        made.insert(format!("stream.{client}.sse"), out);
        facts.insert("stream".to_owned(), end);
    }
    if let Some(raw) = given.get(&format!("error.{provider}.json")) {
        let error_given: Value = serde_json::from_slice(raw).unwrap();
        let body = match &error_given["body"] {
            Value::String(page) => page.clone(),
            body => body.to_string(),
        };
        let status = u16::try_from(error_given["status"].as_u64().unwrap()).unwrap();
        let (status, body) = error(pair, status, body.as_bytes());
        let body: Value = serde_json::from_slice(&body).unwrap();
        let body = json!({"status": status, "body": body}).to_string();
        made.insert(format!("error.{client}.json"), pretty(body.as_bytes()));
    }
    if !facts.is_empty() {
        made.insert("dropped.json".to_owned(), pretty(Value::Object(facts).to_string().as_bytes()));
    }
    made
}

#[test]
fn conversions_are_as_the_files_have_them() {
    let write = std::env::var("FERROGATE_GOLDEN").is_ok_and(|mode| mode == "write");
    let cases = cases();
    assert!(cases.len() >= 30, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let reverse = case.file_name().unwrap().to_str().unwrap().starts_with("reverse-");
        let way: Way = if reverse {
            (Pair::AnthropicToOpenAi, "anthropic", "openai")
        } else {
            (Pair::OpenAiToAnthropic, "openai", "anthropic")
        };
        let is_given = |name: &str| match name.split_once('.') {
            Some(("request", rest)) => rest.starts_with(way.1),
            Some(("response" | "stream" | "error", rest)) => rest.starts_with(way.2),
            _ => name == "target.json",
        };
        let (given, expected): (Files, Files) = files(case).into_iter().partition(|(name, _)| is_given(name));
        let made = made(way, &given);
        assert!(!made.is_empty(), "{}: nothing is given", case.display());
        for name in expected.keys().chain(made.keys()) {
            if expected.get(name) == made.get(name) {
                continue;
            }
            if !write {
                wrong.push(format!("{}/{name}", case.display()));
            } else if let Some(bytes) = made.get(name) {
                fs::write(case.join(name), bytes).unwrap();
            } else {
                fs::remove_file(case.join(name)).unwrap();
            }
        }
    }
    wrong.dedup();
    assert!(
        wrong.is_empty(),
        "not as the files have them (FERROGATE_GOLDEN=write, and read the diff): {wrong:#?}"
    );
}
