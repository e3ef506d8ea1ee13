use super::*;

const NO_TOOLS: Rules = Rules { tool_calls: false };
const TOOLS: Rules = Rules { tool_calls: true };

fn verdict(form: Form, body: &str) -> Result<(), Refused> {
    judge(form, 200, body.as_bytes(), NO_TOOLS).map(drop)
}

fn chat(message: &str, finish: &str) -> String {
    format!(
        r#"{{"id":"x","model":"m","created":7,"choices":[{{"message":{message},"finish_reason":{finish}}}]}}"#
    )
}

#[test]
fn a_whole_chat_completion_is_stored() {
    let body = chat(r#"{"role":"assistant","content":"hi","refusal":null,"tool_calls":[]}"#, r#""stop""#);
    let facts = judge(Form::Chat, 200, body.as_bytes(), NO_TOOLS).unwrap();
    assert_eq!(
        (facts.finish.as_deref(), facts.model.as_deref(), facts.created),
        (Some("stop"), Some("m"), Some(7))
    );
    for status in [201, 206, 400, 429, 500] {
        assert_eq!(judge(Form::Chat, status, body.as_bytes(), TOOLS), Err(Refused::Status));
    }
}

#[test]
fn a_chat_completion_that_is_less_is_not() {
    let said = r#"{"content":"hi"}"#;
    for (body, why) in [
        (chat(said, r#""length""#), Refused::Truncated),
        (chat(said, r#""content_filter""#), Refused::Filtered),
        (chat(said, "null"), Refused::Unknown),
        (chat(said, r#""weird""#), Refused::Unknown),
        (chat(r#"{"content":""}"#, r#""stop""#), Refused::Empty),
        (chat(r#"{"content":null}"#, r#""stop""#), Refused::Empty),
        (chat(r#"{"content":null,"refusal":"no"}"#, r#""stop""#), Refused::Filtered),
        (chat(r#"{"content":"a","tool_calls":[{"id":"c"}]}"#, r#""stop""#), Refused::ToolCalls),
        (chat(r#"{"tool_calls":[{"id":"c"}]}"#, r#""tool_calls""#), Refused::ToolCalls),
        (r#"{"choices":[]}"#.to_owned(), Refused::Empty),
        (r#"{"error":{"message":"x"}}"#.to_owned(), Refused::Malformed),
        (
            r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"error":{"code":502}}"#
                .to_owned(),
            Refused::Malformed,
        ),
        ("{}".to_owned(), Refused::Malformed),
        ("[]".to_owned(), Refused::Malformed),
        (chat(said, r#""stop""#)[1..].to_owned(), Refused::Malformed),
    ] {
        assert_eq!(verdict(Form::Chat, &body), Err(why), "{body}");
    }
}

#[test]
fn each_of_several_choices_has_to_do() {
    let two = |second: &str| {
        format!(
            r#"{{"choices":[{{"message":{{"content":"a"}},"finish_reason":"stop"}},{{"message":{{"content":"b"}},"finish_reason":"{second}"}}]}}"#
        )
    };
    assert_eq!(verdict(Form::Chat, &two("stop")), Ok(()));
    assert_eq!(verdict(Form::Chat, &two("length")), Err(Refused::Truncated));
}

#[test]
fn tool_calls_are_stored_where_the_rules_say_so() {
    let body = chat(r#"{"content":null,"tool_calls":[{"id":"c"}]}"#, r#""tool_calls""#);
    assert!(judge(Form::Chat, 200, body.as_bytes(), TOOLS).is_ok());
    let message = r#"{"stop_reason":"tool_use","content":[{"type":"tool_use","id":"t"}]}"#;
    assert!(judge(Form::Messages, 200, message.as_bytes(), TOOLS).is_ok());
    assert_eq!(verdict(Form::Messages, message), Err(Refused::ToolCalls));
    let response = r#"{"status":"completed","output":[{"type":"reasoning"},{"type":"function_call","status":"completed"}]}"#;
    assert!(judge(Form::Responses, 200, response.as_bytes(), TOOLS).is_ok());
    assert_eq!(verdict(Form::Responses, response), Err(Refused::ToolCalls));
}

#[test]
fn messages_are_judged_by_their_stop_reason() {
    let message =
        |reason: &str| format!(r#"{{"stop_reason":"{reason}","content":[{{"type":"text","text":"a"}}]}}"#);
    for (reason, expected) in [
        ("end_turn", Ok(())),
        ("stop_sequence", Ok(())),
        ("max_tokens", Err(Refused::Truncated)),
        ("model_context_window_exceeded", Err(Refused::Truncated)),
        ("pause_turn", Err(Refused::Truncated)),
        ("refusal", Err(Refused::Filtered)),
        ("new", Err(Refused::Unknown)),
    ] {
        assert_eq!(verdict(Form::Messages, &message(reason)), expected, "{reason}");
    }
    assert_eq!(verdict(Form::Messages, r#"{"stop_reason":"end_turn","content":[]}"#), Err(Refused::Empty));
    assert_eq!(
        verdict(Form::Messages, r#"{"type":"error","error":{"type":"overloaded_error"}}"#),
        Err(Refused::Malformed)
    );
}

#[test]
fn responses_are_judged_by_status_and_output() {
    let response =
        |status: &str, output: &str| format!(r#"{{"status":"{status}","error":null,"output":[{output}]}}"#);
    let text = r#"{"type":"message","status":"completed","content":[{"type":"output_text","text":"a"}]}"#;
    for (body, expected) in [
        (response("completed", text), Ok(())),
        (response("incomplete", text), Err(Refused::Truncated)),
        (response("failed", text), Err(Refused::Unknown)),
        (response("in_progress", text), Err(Refused::Unknown)),
        (response("completed", &text.replace("\"completed\"", "\"incomplete\"")), Err(Refused::Truncated)),
        (response("completed", &text.replace("output_text", "refusal")), Err(Refused::Filtered)),
        (response("completed", ""), Err(Refused::Empty)),
        (response("completed", r#"{"type":"web_search_call"}"#), Err(Refused::ToolCalls)),
    ] {
        assert_eq!(verdict(Form::Responses, &body), expected, "{body}");
    }
}

#[test]
fn lists_and_texts_are_stored_where_there_is_something_in_them() {
    assert_eq!(verdict(Form::Embeddings, r#"{"data":[{"embedding":[1]}],"model":"m"}"#), Ok(()));
    assert_eq!(verdict(Form::Embeddings, r#"{"data":[]}"#), Err(Refused::Empty));
    assert_eq!(verdict(Form::Moderations, r#"{"results":[{}]}"#), Ok(()));
    assert_eq!(verdict(Form::Moderations, "{}"), Err(Refused::Malformed));
    let text = |text: &str, reason: &str| {
        format!(r#"{{"choices":[{{"text":"{text}","finish_reason":"{reason}"}}]}}"#)
    };
    assert_eq!(verdict(Form::Completions, &text("a", "stop")), Ok(()));
    assert_eq!(verdict(Form::Completions, &text("", "stop")), Err(Refused::Empty));
    assert_eq!(verdict(Form::Completions, &text("a", "length")), Err(Refused::Truncated));
}
