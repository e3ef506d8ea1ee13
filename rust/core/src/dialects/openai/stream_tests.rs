use super::*;

fn read(events: &[&str]) -> (Vec<Seen>, StreamReader) {
    let mut reader = StreamReader::default();
    let seen = events.iter().map(|event| reader.event(event.as_bytes())).collect();
    (seen, reader)
}

#[test]
fn a_role_is_no_content_and_text_is() {
    let (seen, reader) = read(&[
        ": ping\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n",
        "data: [DONE]\n\n",
    ]);
    assert_eq!(seen, [Seen::Nothing, Seen::Nothing, Seen::Content, Seen::Content, Seen::Content, Seen::Done]);
    assert_eq!(reader.finish.as_deref(), Some("stop"));
    assert_eq!(reader.usage.unwrap().input, 3);
    assert!(reader.is_complete());
}

#[test]
fn tool_calls_reasoning_and_text_completions_are_content() {
    for delta in [
        r#"{"tool_calls":[{"index":0}]}"#,
        r#"{"reasoning_content":"hm"}"#,
        r#"{"refusal":"no"}"#,
        r#"{"reasoning":"hm"}"#,
    ] {
        let event = format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n");
        assert_eq!(read(&[&event]).0, [Seen::Content], "{delta}");
    }
    assert_eq!(read(&["data: {\"choices\":[{\"text\":\"a\"}]}\n\n"]).0, [Seen::Content]);
}

#[test]
fn errors_are_seen_before_and_after_content() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    for error in [
        "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
        "data: {\"id\":\"x\", \"error\" : {\"code\":502},\"choices\":[]}\n\n",
        "data: {\"error\":\"The model is overloaded\"}\n\n",
        "data: {\"object\":\"error\",\"message\":\"too long\",\"type\":\"BadRequestError\",\"code\":400}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\"}\n\n",
        "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{}}\n\n",
    ] {
        assert_eq!(read(&[error]).0, [Seen::Error], "{error}");
        let (seen, reader) = read(&[text, error]);
        assert_eq!(seen, [Seen::Content, Seen::Error], "{error}");
        assert!(!reader.is_complete());
    }
}

#[test]
fn text_that_quotes_the_words_is_only_text() {
    let (seen, reader) = read(&[
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\": 1, \\\"finish_reason\\\":\\\"x\\\"\"},\"finish_reason\":null}]}\n\n",
    ]);
    assert_eq!(seen, [Seen::Content, Seen::Content]);
    assert!(!reader.failed && reader.finish.is_none() && !reader.is_complete());
}

#[test]
fn responses_end_with_their_completed_event() {
    let (seen, reader) = read(&[
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\",\"usage\":null}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":2,\"output_tokens\":1}}}\n\n",
    ]);
    assert_eq!(seen, [Seen::Nothing, Seen::Content, Seen::Content]);
    assert_eq!((reader.finish.as_deref(), reader.usage.unwrap().input), (Some("completed"), 2));
    assert!(reader.is_complete());
}

#[test]
fn responses_end_without_names_and_usage_too() {
    for (end, finish) in [("completed", "completed"), ("incomplete", "incomplete")] {
        let last = format!(
            "data: {{\"type\":\"response.{end}\",\"response\":{{\"status\":\"{end}\",\"error\":null}}}}\n\n"
        );
        let text = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n";
        let (_, reader) = read(&[text, text, &last]);
        assert_eq!(reader.finish.as_deref(), Some(finish));
        assert!(reader.is_complete());
    }
    let (seen, reader) = read(&[
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
        "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\"}}\n\n",
    ]);
    assert_eq!((seen[1], reader.failed), (Seen::Error, true));
}

#[test]
fn the_ends_of_a_long_event_tell_how_it_ended() {
    let mut reader = StreamReader::default();
    let start = b"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"outp";
    let end = b"xx\"}],\"usage\":{\"input_tokens\":2,\"output_tokens\":9},\"metadata\":{}}}\n\n";
    assert_eq!(reader.found(Found::Long { start, end }), Seen::Content);
    assert_eq!((reader.finish.as_deref(), reader.usage.unwrap().output), (Some("completed"), 9));
    assert!(reader.is_complete() && reader.has_ended());

    let mut chat = StreamReader::default();
    let text = b"data: {\"choices\":[{\"delta\":{\"content\":\"\\\"finish_reason\\\":\\\"stop\\\"xxx";
    chat.found(Found::Long { start: text, end: b"xx\"},\"finish_reason\":null}]}\n\n" });
    assert!(chat.content && !chat.is_complete());
    chat.found(Found::Long { start: text, end: b"xx\"},\"finish_reason\":\"stop\"}]}\n\n" });
    assert!(chat.is_complete() && !chat.has_ended());

    let mut failed = StreamReader::default();
    assert_eq!(
        failed.found(Found::Long { start: b"data: {\"error\":{\"message\":\"x", end: b"x" }),
        Seen::Error
    );
    assert!(failed.has_ended() && !failed.is_complete());
}

#[test]
fn a_byte_order_mark_hides_the_first_event_from_nobody() {
    let error = "\u{feff}data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    assert_eq!(read(&[error]).0, [Seen::Error]);
    assert_eq!(read(&[": a\n\n", error]).0, [Seen::Nothing, Seen::Nothing], "only the first");
}
