//! What holds for every conversion, whatever the client or the provider sends.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;

const STAMP: Stamp<'_> = Stamp { id: "chatcmpl-1", created: 1, model: "m" };
const MODELS: [&str; 5] =
    ["claude-haiku-4-5", "claude-opus-4-8", "claude-fable-5", "claude-3-5-haiku-latest", "x"];

pub(super) fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z \\n\"\\\\é🦀\u{2028}]{0,12}", Just(String::new()), Just(" ".to_owned())]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(texts(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn parts() -> impl Strategy<Value = Value> {
    let part = prop_oneof![
        4 => texts().prop_map(|text| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}})),
        1 => texts().prop_map(|url| json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{url}")}})),
        1 => texts().prop_map(|url| json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}})),
        1 => texts().prop_map(|data| json!({"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}})),
        1 => texts().prop_map(|data| json!({"type": "file", "file": {"file_data": data, "filename": "a.pdf"}})),
        1 => texts().prop_map(|kind| json!({"type": format!("new_{kind}"), "x": 1})),
    ];
    prop_oneof![texts().prop_map(Value::from), prop::collection::vec(part, 0..4).prop_map(Value::from)]
}

fn messages() -> impl Strategy<Value = Value> {
    let call = (texts(), texts(), prop_oneof![texts(), values().prop_map(|value| value.to_string())]);
    prop_oneof![
        (prop_oneof![Just("system"), Just("developer"), Just("user")], parts())
            .prop_map(|(role, content)| json!({"role": role, "content": content, "name": "n"})),
        (texts(), prop::collection::vec(call, 0..3), texts()).prop_map(|(content, calls, thought)| {
            let calls = calls.into_iter().map(|(id, name, arguments)| {
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
            });
            json!({"role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>(),
                   "reasoning_content": thought, "refusal": thought})
        }),
        (texts(), texts())
            .prop_map(|(id, text)| json!({"role": "tool", "tool_call_id": id, "content": text})),
    ]
}

pub(super) fn requests() -> impl Strategy<Value = Value> {
    let extras = prop::collection::btree_map(
        prop_oneof![
            Just("temperature"),
            Just("top_p"),
            Just("stop"),
            Just("user"),
            Just("seed"),
            Just("reasoning_effort"),
            Just("tool_choice"),
            Just("response_format"),
            Just("service_tier"),
            Just("logit_bias"),
            Just("stream"),
            Just("stream_options"),
            Just("parallel_tool_calls"),
            Just("max_tokens"),
            Just("n"),
            Just("\u{e9}, new"),
        ],
        prop_oneof![
            4 => values(),
            1 => Just(json!("high")),
            1 => Just(json!("required")),
            1 => Just(json!(["a", "\n"])),
            1 => Just(json!({"type": "json_schema", "json_schema": {"schema": {"type": "object"}}})),
        ],
        0..5,
    );
    (prop::collection::vec(messages(), 0..7), extras, any::<bool>()).prop_map(|(messages, extras, tools)| {
        let mut request = json!({"model": "m", "messages": messages});
        for (name, value) in extras {
            request[name] = value;
        }
        if tools {
            request["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
        }
        request
    })
}

/// What Anthropic asks of any request.
fn check(body: &Value) {
    assert!(body["max_tokens"].is_u64());
    let mut last = None;
    for message in body["messages"].as_array().unwrap() {
        let role = message["role"].as_str().unwrap();
        assert_ne!(last, Some(role), "turns of one role are one");
        last = Some(role);
        let blocks = message["content"].as_array().unwrap();
        assert!(!blocks.is_empty());
        for block in blocks {
            if let Some(text) = block["text"].as_str() {
                assert!(!text.trim().is_empty());
            }
            if block["type"] == "tool_use" {
                assert!(block["input"].is_object());
                let id = block["id"].as_str().unwrap();
                assert!(
                    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
                );
            }
        }
    }
}

fn stream_of(texts: &[String], arguments: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut event = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        out.extend_from_slice(format!("event: {kind}\ndata: {data}\n\n").as_bytes());
    };
    event("message_start", json!({"message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 3}}}));
    event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}}));
    for text in texts {
        event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": text}}));
        event("ping", json!({}));
    }
    event("content_block_stop", json!({"index": 0}));
    let block = json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}});
    event("content_block_start", json!({"index": 1, "content_block": block}));
    event(
        "content_block_delta",
        json!({"index": 1, "delta": {"type": "input_json_delta", "partial_json": arguments}}),
    );
    event("content_block_stop", json!({"index": 1}));
    event("message_delta", json!({"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}));
    event("message_stop", json!({}));
    out
}

fn convert(pair: Pair, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut stream = Stream::new(pair, &STAMP, true);
    let mut out = Vec::new();
    for piece in pieces {
        stream.push(piece, &mut out);
    }
    stream.end(&mut out);
    (out, stream.is_complete())
}

#[derive(serde::Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

#[derive(serde::Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

proptest! {
    #[test]
    fn what_is_taken_becomes_a_request_that_anthropic_takes(
        body in requests(),
        model in prop::sample::select(&MODELS),
    ) {
        if let Ok(converted) = request(Pair::OpenAiToAnthropic, body.to_string().as_bytes(), &Target::of(model)) {
            crate::json::validate(&converted.body).unwrap();
            check(&serde_json::from_slice(&converted.body).unwrap());
            let header = converted.dropped.header();
            prop_assert!(header.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[{}\\[\\]\",:a-z0-9 ]{0,64}") {
        for pair in [Pair::OpenAiToAnthropic, Pair::AnthropicToOpenAi] {
            for body in [bytes.as_slice(), text.as_bytes()] {
                let _ = request(pair, body, &Target::of("m"));
                let _ = answer(pair, body, &STAMP, &mut Dropped::default());
                let (_, error) = error(pair, 500, body);
                crate::json::validate(&error).unwrap();
                convert(pair, &[b"data: ", body, b"\n\n"]);
            }
        }
    }

    #[test]
    fn arguments_come_back_as_they_were_written(
        members in prop::collection::btree_map(texts(), values(), 0..4),
        pretty in any::<bool>(),
    ) {
        let members = Value::Object(members.into_iter().collect());
        let arguments = if pretty { format!("{members:#}") } else { members.to_string() };
        let call = json!({"id": "c", "function": {"name": "f", "arguments": arguments}});
        let body = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}]});
        let converted = request(Pair::OpenAiToAnthropic, body.to_string().as_bytes(), &Target::of("m")).unwrap();
        prop_assert!(converted.dropped.is_empty());
        let sent: Sent<'_> = serde_json::from_slice(&converted.body).unwrap();
        let input = sent.messages[1].content[0].input.unwrap().get();
        let back = format!(
            r#"{{"content":[{{"type":"tool_use","id":"c","name":"f","input":{input}}}],"stop_reason":"tool_use"}}"#
        );
        let answered = answer(Pair::OpenAiToAnthropic, back.as_bytes(), &STAMP, &mut Dropped::default()).unwrap();
        let answered: Value = serde_json::from_slice(&answered).unwrap();
        let call = &answered["choices"][0]["message"]["tool_calls"][0];
        prop_assert_eq!(call["function"]["arguments"].as_str().unwrap(), arguments);
    }

    #[test]
    fn a_stream_may_be_cut_anywhere(
        texts in prop::collection::vec(texts(), 0..4),
        arguments in texts(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let whole = stream_of(&texts, &arguments);
        let (out, complete) = convert(Pair::OpenAiToAnthropic, &[&whole]);
        prop_assert!(complete && out.ends_with(b"data: [DONE]\n\n"));
        let said: String = String::from_utf8(out.clone()).unwrap().lines()
            .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
            .filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()))
            .collect();
        prop_assert_eq!(said, texts.concat());

        // Broken off after any byte, it is what had come, and no more.
        let broken = &whole[..end.index(whole.len())];
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(broken.len() + 1)).collect();
        at.extend([0, broken.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &broken[pair[0]..pair[1]]).collect();
        let (got, complete) = convert(Pair::OpenAiToAnthropic, &pieces);
        prop_assert_eq!(&got, &convert(Pair::OpenAiToAnthropic, &[broken]).0);
        prop_assert!(out.starts_with(&got));
        prop_assert_eq!(complete, got.len() == out.len());
    }
}
