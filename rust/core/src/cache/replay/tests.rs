use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cache::admit::{self, judge};

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn data(stream: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(stream).unwrap();
    text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).map(str::to_owned).collect()
}

const STREAM: &str = concat!(
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"system_fingerprint\":null,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"xx\"}\n\n",
    ": ping\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"system_fingerprint\":\"f\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\\ud83d\"},\"logprobs\":{\"content\":[{\"token\":\"Hel\"}]},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ude00lo\"},\"logprobs\":{\"content\":[{\"token\":\"lo\"}]},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
);

#[test]
fn chunks_are_joined() {
    let whole = whole(Form::Chat, STREAM.as_bytes()).unwrap();
    assert_eq!(
        parsed(&whole),
        json!({
            "id": "c1", "object": "chat.completion", "created": 7, "model": "m", "system_fingerprint": "f",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": "Hel😀lo", "refusal": null, "reasoning_content": "hm"},
                "logprobs": {"content": [{"token": "Hel"}, {"token": "lo"}]},
                "finish_reason": "stop",
            }],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        })
    );
    assert!(judge(Form::Chat, 200, &whole, admit::Rules { tool_calls: false }).is_ok());
}

#[test]
fn calls_are_joined_by_their_index() {
    let call = |delta: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{delta}]}}}}]}}\n\n")
    };
    let stream = [
        call(r#"{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}"#),
        call(r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x"}}"#),
        call(r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"\":1}"}}"#),
        call(r#"{"index":1,"function":{"arguments":"{}"}}"#),
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n".to_owned(),
    ];
    let whole = parsed(&whole(Form::Chat, stream.concat().as_bytes()).unwrap());
    assert_eq!(
        whole["choices"][0]["message"]["tool_calls"],
        json!([
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ])
    );
    assert_eq!(whole["choices"][0]["message"]["content"], Value::Null);
}

#[test]
fn a_stream_that_is_not_whole_is_not_joined() {
    let without = |needle: &str| {
        let events: String = STREAM.split_inclusive("\n\n").filter(|event| !event.contains(needle)).collect();
        whole(Form::Chat, events.as_bytes())
    };
    assert_eq!(without("\"stop\""), Err(Unjoined::Broken));
    assert!(without("[DONE]").is_ok(), "some servers end with their finish reason");
    for (broken, why) in [
        (
            format!("{}data: {{\"error\":{{\"message\":\"x\"}}}}\n\n", &STREAM[..STREAM.len() - 14]),
            Unjoined::Broken,
        ),
        (format!("event: error\ndata: {{}}\n\n{STREAM}"), Unjoined::Broken),
        (format!("data: {{\n\n{STREAM}"), Unjoined::Broken),
        (
            STREAM.replace("\"reasoning_content\":\"hm\"", "\"thinking_blocks\":[{\"signature\":\"s\"}]"),
            Unjoined::Unknown,
        ),
        (STREAM.replace("\"content\":\"Hel\\ud83d\"", "\"content\":[1]"), Unjoined::Unknown),
        (String::new(), Unjoined::Broken),
    ] {
        assert_eq!(whole(Form::Chat, broken.as_bytes()), Err(why), "{broken}");
    }
    for cut in 0..STREAM.find("\"stop\"").unwrap() {
        assert!(whole(Form::Chat, &STREAM.as_bytes()[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn a_response_is_in_its_last_event() {
    let last = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n";
    let first =
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n";
    assert_eq!(
        whole(Form::Responses, [first, last].concat().as_bytes()).unwrap(),
        br#"{"id":"r","status":"completed"}"#
    );
    assert_eq!(whole(Form::Responses, first.as_bytes()), Err(Unjoined::Broken));
    assert_eq!(events(Form::Responses, b"{}", true), None);
    assert_eq!(whole(Form::Messages, b""), Err(Unjoined::Unknown));
}

#[test]
fn a_whole_answer_becomes_chunks() {
    let body = r#"{
        "id":"c1","object":"chat.completion","created":7,"model":"m",
        "choices":[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null},"logprobs":null,"finish_reason":"stop"}],
        "usage":{"prompt_tokens":3,
                 "completion_tokens":2}
    }"#;
    let chunk = |choices: &str, usage: &str| {
        format!(
            "{{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":[{choices}]{usage}}}"
        )
    };
    let expected = |null: &str| {
        vec![
            chunk(
                r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}"#,
                null,
            ),
            chunk(r#"{"index":0,"delta":{"content":"hi"},"finish_reason":null}"#, null),
            chunk(r#"{"index":0,"delta":{},"finish_reason":"stop","logprobs":null}"#, null),
        ]
    };
    let mut plain = expected("");
    plain.push("[DONE]".to_owned());
    assert_eq!(data(&events(Form::Chat, body.as_bytes(), false).unwrap()), plain);
    let counted = data(&events(Form::Chat, body.as_bytes(), true).unwrap());
    assert_eq!(counted[..3], expected(",\"usage\":null"));
    assert_eq!(parsed(counted[3].as_bytes())["usage"], json!({"prompt_tokens": 3, "completion_tokens": 2}));
    assert_eq!(counted[4], "[DONE]");
    for none in
        ["", "[]", "{}", r#"{"choices":[{}]}"#, r#"{"choices":[{"message":{"thinking_blocks":[{}]}}]}"#]
    {
        assert_eq!(events(Form::Chat, none.as_bytes(), false), None, "{none}");
    }
}

#[test]
fn a_text_completion_goes_both_ways() {
    let body = r#"{"id":"c","object":"text_completion","choices":[{"index":0,"finish_reason":"stop","text":"a\nb","logprobs":null}],"usage":{"prompt_tokens":1}}"#;
    let stream = events(Form::Completions, body.as_bytes(), true).unwrap();
    assert_eq!(data(&stream).len(), 4);
    assert_eq!(parsed(&whole(Form::Completions, &stream).unwrap()), parsed(body.as_bytes()));
}

#[test]
fn no_line_of_a_stream_is_long() {
    let text = "ab\\\"é ".repeat(20_000);
    let body = format!(
        r#"{{"object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"finish_reason":"stop"}}]}}"#
    );
    let stream = events(Form::Chat, body.as_bytes(), false).unwrap();
    assert!(data(&stream).iter().all(|line| line.len() < 10_000));
    assert_eq!(parsed(&whole(Form::Chat, &stream).unwrap()), parsed(body.as_bytes()));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z \"\\\\\n]{0,20}", "(😀|é|\"){4000,4100}"]
}

fn call() -> impl Strategy<Value = Value> {
    ("[a-z]{1,4}", "[a-z]{1,4}", text())
        .prop_map(|(id, name, arguments)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
}

fn message() -> impl Strategy<Value = Value> {
    (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of("[a-z]{1,9}"),
        prop::option::of(prop::collection::vec(call(), 0..3)),
        prop::collection::vec(text(), 0..3),
    )
        .prop_map(|(content, refusal, reasoning, calls, notes)| {
            let mut message = json!({"role": "assistant", "content": content, "refusal": refusal, "annotations": notes.iter().map(|note| json!({"note": note})).collect::<Vec<_>>()});
            if let Some(calls) = calls {
                // A stream cannot tell an empty text from none beside calls.
                if content.as_deref() == Some("") {
                    message["content"] = Value::Null;
                }
                message["tool_calls"] = calls.into();
            }
            if let Some(reasoning) = reasoning {
                message["reasoning_content"] = reasoning.into();
            }
            message
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_whole_answer_survives_being_a_stream(
        messages in prop::collection::vec((message(), prop_oneof![Just("stop"), Just("tool_calls"), Just("length")]), 1..3),
        counts in prop::option::of((any::<u32>(), any::<u32>())),
        model in text(),
        pretty in any::<bool>(),
    ) {
        let choices: Vec<_> = messages.into_iter().enumerate().map(|(index, (message, reason))| json!({
            "index": index, "message": message, "finish_reason": reason, "logprobs": null, "native_finish_reason": "x",
        })).collect();
        let mut body = json!({"id": "c", "object": "chat.completion", "created": 7, "model": model, "provider": "p", "choices": choices});
        if let Some((input, output)) = counts {
            body["usage"] = json!({"prompt_tokens": input, "completion_tokens": output});
        }
        let written = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) }.unwrap();
        let stream = events(Form::Chat, &written, true).unwrap();
        let joined = whole(Form::Chat, &stream).unwrap();
        prop_assert_eq!(parsed(&joined), body);
        // From here on nothing changes any more.
        prop_assert_eq!(whole(Form::Chat, &events(Form::Chat, &joined, true).unwrap()).unwrap(), joined);
    }

    #[test]
    fn a_stream_says_the_same_however_it_is_cut(
        text in text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        finish in prop_oneof![Just("stop"), Just("length"), Just("content_filter")],
    ) {
        let characters: Vec<char> = text.chars().collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(characters.len() + 1)).collect();
        at.extend([0, characters.len()]);
        at.sort_unstable();
        let mut chunks: Vec<Value> = at.windows(2).map(|pair| {
            let piece: String = characters[pair[0]..pair[1]].iter().collect();
            json!({"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]})
        }).collect();
        chunks.push(json!({"choices": [{"delta": {}, "finish_reason": finish}], "usage": {"prompt_tokens": 1}}));
        let events: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
        let stream = events.concat();
        let whole = parsed(&whole(Form::Chat, stream.as_bytes()).unwrap());
        prop_assert_eq!(&whole["choices"][0]["message"]["content"], &json!(text));
        prop_assert_eq!(&whole["choices"][0]["finish_reason"], finish);
        prop_assert_eq!(&whole["usage"], &json!({"prompt_tokens": 1}));
    }
}
