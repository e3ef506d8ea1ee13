//! A dialect's reader and writer agree: what one has written the other reads, and then writes the same again.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::properties::{requests, texts};
use super::*;

const STAMP: Stamp<'_> = Stamp { id: "chatcmpl-1", created: 1, model: "m" };

fn openai_again(body: &[u8], target: &Target<'_>) -> Option<Vec<u8>> {
    let (mut dropped, mut out) = (Dropped::default(), Vec::new());
    let read = openai::read_request(body, &mut dropped).ok()?;
    openai::write_request(&read, target, &mut out, &mut dropped).ok()?;
    Some(out)
}

fn anthropic_again(body: &[u8], target: &Target<'_>) -> Option<(Vec<u8>, Dropped)> {
    let (mut dropped, mut out) = (Dropped::default(), Vec::new());
    let read = anthropic::read_request(body, &mut dropped).ok()?;
    anthropic::write_request(&read, target, &mut out, &mut dropped).ok()?;
    Some((out, dropped))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

proptest! {
    #[test]
    fn openai_reads_what_it_has_written(body in requests()) {
        let target = Target::of("m");
        if let Some(once) = openai_again(body.to_string().as_bytes(), &target) {
            crate::json::validate(&once).unwrap();
            let twice = openai_again(&once, &target).unwrap();
            prop_assert_eq!(text(&twice), text(&once));
        }
    }

    #[test]
    fn anthropic_reads_what_it_has_written(
        mut body in requests(),
        model in prop::sample::select(&["claude-opus-4-8", "claude-haiku-4-5", "claude-3-5-haiku-latest", "x"]),
    ) {
        // A budget that had to be cut is read as the effort of a smaller one.
        body.as_object_mut().unwrap().remove("reasoning_effort");
        let target = Target::of(model);
        if let Ok(once) = request(Pair::OpenAiToAnthropic, body.to_string().as_bytes(), &target) {
            let (twice, dropped) = anthropic_again(&once.body, &target).unwrap();
            prop_assert_eq!(text(&twice), text(&once.body));
            prop_assert!(dropped.is_empty(), "{:?}", dropped);
        }
    }

    #[test]
    fn an_answer_comes_back_from_the_other_side(
        said in texts(),
        thought in texts(),
        calls in prop::collection::vec(texts(), 0..3),
        counts in (0..1000_u64, 0..1000_u64, 0..100_u64),
    ) {
        let (input, output, cached) = counts;
        let mut blocks = vec![json!({"type": "thinking", "thinking": thought, "signature": "s"})];
        if !said.is_empty() {
            blocks.push(json!({"type": "text", "text": said}));
        }
        blocks.extend(calls.iter().map(|name| json!({"type": "tool_use", "id": "c", "name": name, "input": {"a": name}})));
        let message = json!({"id": "chatcmpl-1", "type": "message", "role": "assistant", "model": "m", "content": blocks,
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached, "output_tokens": output}});
        let mut dropped = Dropped::default();
        let there = answer(Pair::OpenAiToAnthropic, message.to_string().as_bytes(), &STAMP, &mut dropped).unwrap();
        let back = answer(Pair::AnthropicToOpenAi, &there, &STAMP, &mut dropped).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Value>(&back).unwrap(), message);
        prop_assert!(dropped.is_empty(), "{:?}", dropped);
    }

    #[test]
    fn a_stream_comes_back_from_the_other_side(said in prop::collection::vec("[a-z🦀 ]{1,6}", 1..4), arguments in "[a-z\\\\\"]{1,9}") {
        let mut chunks: Vec<Value> = vec![json!({"role": "assistant", "content": ""})];
        chunks.extend(said.iter().map(|text| json!({"content": text})));
        chunks.push(json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}));
        chunks.push(json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}));
        let chunk = |delta: &Value, reason: Value| {
            format!("data: {}\n\n", json!({"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}))
        };
        let mut source: String = chunks.iter().map(|delta| chunk(delta, Value::Null)).collect();
        source += &chunk(&json!({}), json!("tool_calls"));
        source += "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";
        let through = |pair, bytes: &[u8]| {
            let (mut stream, mut out) = (Stream::new(pair, &STAMP, true), Vec::new());
            stream.push(bytes, &mut out);
            assert!(stream.is_complete() && stream.dropped().is_empty());
            out
        };
        let back = through(Pair::OpenAiToAnthropic, &through(Pair::AnthropicToOpenAi, source.as_bytes()));
        let deltas = |stream: &str| -> Vec<Value> {
            let chunks = stream.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
            chunks.map(|chunk| json!([chunk["choices"][0]["delta"], chunk["choices"][0]["finish_reason"], chunk["usage"]["prompt_tokens"]])).collect()
        };
        prop_assert_eq!(deltas(&text(&back)), deltas(&source));
    }
}
