use super::*;

fn read(events: &[&str]) -> (Vec<Seen>, StreamReader) {
    let mut reader = StreamReader::default();
    let seen = events.iter().map(|event| reader.event(event.as_bytes())).collect();
    (seen, reader)
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":7,\"output_tokens\":1}}}\n\n";
const OPEN: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
const TEXT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"type\\\":\\\"error\\\"\"}}\n\n";
const PING: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const ERROR: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";

#[test]
fn the_first_delta_is_content_and_message_stop_the_end() {
    let (seen, reader) = read(&[START, PING, OPEN, TEXT, PING, DELTA, STOP]);
    let (n, c) = (Seen::Nothing, Seen::Content);
    assert_eq!(seen, [n, n, n, c, c, c, Seen::Done]);
    assert_eq!(reader.finish.as_deref(), Some("end_turn"));
    assert_eq!(reader.usage(), Some(Usage { input: 12, output: 15, cached: 7 }));
    assert!(reader.is_complete() && reader.has_ended());
}

#[test]
fn a_stop_reason_without_message_stop_is_no_end() {
    let (_, reader) = read(&[START, OPEN, TEXT, DELTA]);
    assert!(!reader.is_complete() && !reader.has_ended());
}

#[test]
fn tool_calls_are_content_from_their_start() {
    let open = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}\n\n";
    assert_eq!(read(&[START, open]).0, [Seen::Nothing, Seen::Content]);
    let thinking = open.replace("tool_use", "thinking");
    assert_eq!(read(&[START, &thinking]).0, [Seen::Nothing, Seen::Nothing]);
}

#[test]
fn errors_are_seen_before_and_after_content() {
    let bare = ERROR.replace("event: error\n", "");
    for error in [ERROR, &bare] {
        assert_eq!(read(&[START, error]).0, [Seen::Nothing, Seen::Error]);
        let (seen, reader) = read(&[START, OPEN, TEXT, error]);
        assert_eq!(seen[3], Seen::Error);
        assert!(reader.has_ended() && !reader.is_complete());
    }
}

#[test]
fn events_without_names_are_read_by_their_type() {
    let bare: Vec<String> = [START, OPEN, TEXT, DELTA, STOP]
        .iter()
        .map(|event| event[event.find("data").unwrap()..].to_owned())
        .collect();
    let (seen, reader) = read(&bare.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(seen[2..], [Seen::Content, Seen::Content, Seen::Done]);
    assert!(reader.is_complete());
}

#[test]
fn long_and_unknown_events_are_told_apart() {
    let mut reader = StreamReader::default();
    assert_eq!(reader.event(b"event: news\ndata: {\"type\":\"news\"}\n\n"), Seen::Nothing);
    let long = Found::Long { start: b"event: content_block_delta\ndata: {\"type\":", end: b"\"}\n\n" };
    assert_eq!(reader.found(long), Seen::Content);
    let error = Found::Long { start: b"data: {\"type\":\"error\",\"error\":{", end: b"}}\n\n" };
    assert_eq!(reader.found(error), Seen::Error);
    assert_eq!(StreamReader::default().event(b"data: <html>\n\n"), Seen::Content);
    assert_eq!(StreamReader::default().event(b": comment\n\n"), Seen::Nothing);
    let marked = format!("\u{feff}{ERROR}");
    assert_eq!(StreamReader::default().event(marked.as_bytes()), Seen::Error);
}
