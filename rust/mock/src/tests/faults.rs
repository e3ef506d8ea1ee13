use super::*;

#[tokio::test]
async fn a_scripted_status_wears_the_error_shape() {
    let server = start(json!({}));
    let headers = [("x-mock-status", "429"), ("x-mock-retry-after", "7")];
    let seen = post(&server, CHAT, &headers, say("x")).await;
    assert_eq!((seen.status.as_u16(), seen.header("retry-after")), (429, "7"));
    assert_eq!(seen.json()["error"]["code"], "rate_limit_exceeded");
    for (status, kind) in [("401", "invalid_request_error"), ("500", "server_error"), ("503", "server_error")]
    {
        let seen = post(&server, CHAT, &[("x-mock-status", status)], say("x")).await;
        assert_eq!((seen.status.as_str(), &seen.json()["error"]["type"]), (status, &json!(kind)));
    }
    let models = try_send(&server, "GET", "/v1/models", &[("x-mock-status", "502")], "").await.unwrap();
    assert_eq!(models.status, StatusCode::BAD_GATEWAY);
    let unknown = post(&server, CHAT, &[("x-mock-stattus", "500")], say("x")).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]["code"]), (400, &json!("script_invalid")));
}

#[tokio::test]
async fn an_error_may_have_a_shape_of_its_own() {
    let server = start(json!({}));
    let body = r#"{"status": 402,  "title": "Payment Required", "detail": "no credit"}"#;
    let script = json!({"status": 402, "error_body": body}).to_string();
    try_send(&server, "PUT", "/_mock/keys/k", &[], script).await.unwrap();
    let seen = post(&server, "/inference/v1/chat/completions", &[("api-key", "k")], say("x")).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (402, body));
    assert_eq!(post(&server, "/inference/v1/chat/completions", &[], say("x")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_cut_stream_ends_within_an_event_and_without_its_end() {
    let server = start(json!({}));
    for pace in ["0", "1"] {
        let headers = [("x-mock-cut-after", "2"), ("x-mock-chunks", "5"), ("x-mock-chunk-ms", pace)];
        let seen = post(&server, CHAT, &headers, stream("abcdefghij")).await;
        assert!(seen.broken);
        let (whole, tail) = seen.text().rsplit_once("\n\n").unwrap();
        assert_eq!(whole.split("\n\n").count(), 3, "the opening and two chunks");
        assert!(tail.starts_with("data: {") && !tail.ends_with('}'), "{tail}");
    }
    let whole = post(&server, CHAT, &[("x-mock-cut-after", "1")], say("x")).await;
    let length: usize = whole.header("content-length").parse().unwrap();
    assert!(whole.broken && whole.body.len() == length / 2);
}

#[tokio::test]
async fn an_error_event_ends_a_stream_cleanly() {
    let server = start(json!({}));
    let headers = [("x-mock-error-after", "1"), ("x-mock-chunks", "5")];
    let chat = post(&server, CHAT, &headers, stream("abcdefghij")).await;
    let events = chat.events();
    assert!(!chat.broken && !chat.text().contains("[DONE]"));
    assert_eq!((events.len(), &events[2]["error"]["type"]), (3, &json!("server_error")));
    let ask = json!({"model": "echo", "input": "x", "stream": true});
    let response = post(&server, "/v1/responses", &[("x-mock-error-after", "0")], ask).await;
    assert!(response.text().starts_with("event: error\ndata: {\"type\":\"error\""));
    assert_eq!(response.events().len(), 1);
}

#[tokio::test]
async fn garbage_is_a_success_that_does_not_parse() {
    let server = start(json!({}));
    for body in [say("x"), stream("x")] {
        let seen = post(&server, CHAT, &[("x-mock-garbage", "1")], body).await;
        assert_eq!(seen.status, StatusCode::OK);
        let first = seen.text().lines().next().unwrap();
        let json = first.strip_prefix("data: ").unwrap_or(first);
        assert!(serde_json::from_str::<Value>(json).is_err());
    }
}

#[tokio::test]
async fn close_and_reset_end_the_connection_before_any_byte() {
    let server = start(json!({}));
    let body = say("x").to_string();
    let closed = try_send(&server, "POST", CHAT, &[("x-mock-close", "1")], body.clone()).await;
    assert!(closed.err().unwrap().is_incomplete_message());
    let reset = try_send(&server, "POST", CHAT, &[("x-mock-reset", "1")], body).await.err().unwrap();
    let cause = std::error::Error::source(&reset).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    assert_eq!(cause.unwrap().kind(), std::io::ErrorKind::ConnectionReset);
    let row = record_when(&server, |row| row["finished"] == true).await;
    assert!(row["status"].is_null());
}

#[tokio::test]
async fn a_key_fails_its_share_and_headers_win() {
    let server = start(json!({}));
    let script = json!({"error-rate": 0.5, "status": 503}).to_string();
    let put = try_send(&server, "PUT", "/_mock/keys/sk%2Fa", &[], script).await.unwrap();
    assert_eq!(put.status, StatusCode::OK);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let key = [("authorization", "Bearer sk/a")];
        statuses.push(post(&server, CHAT, &key, say("x")).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 503, 200, 503]);
    let both = [("api-key", "sk/a"), ("x-mock-status", "418")];
    assert_eq!(post(&server, CHAT, &both, say("x")).await.status.as_u16(), 418);
    let other = post(&server, CHAT, &[("x-api-key", "other")], say("x")).await;
    assert_eq!(other.status, StatusCode::OK);
    let removed = try_send(&server, "DELETE", "/_mock/keys/sk%2Fa", &[], "").await.unwrap();
    assert_eq!(removed.json()["removed"], 1);
    let refused = try_send(&server, "PUT", "/_mock/keys/k", &[], "{\"nope\":1}").await.unwrap();
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_rate_limit_answers_429_with_the_wait() {
    let server = start(json!({}));
    let script = json!({"rate_limit_rps": 0.001}).to_string();
    try_send(&server, "PUT", "/_mock/keys/k", &[], script).await.unwrap();
    let key = [("x-api-key", "k")];
    let first = post(&server, CHAT, &key, say("x")).await;
    assert_eq!((first.status.as_u16(), first.header("x-ratelimit-remaining-requests")), (200, "0"));
    let second = post(&server, CHAT, &key, say("x")).await;
    assert_eq!(second.status.as_u16(), 429);
    assert!((900..=1000).contains(&second.header("retry-after").parse::<u64>().unwrap()));
}

#[tokio::test]
async fn a_silent_rate_limit_says_nothing_but_429() {
    let server = start(json!({}));
    let script = json!({"rate_limit_rps": 0.001, "limit_silent": true}).to_string();
    try_send(&server, "PUT", "/_mock/keys/k", &[], script).await.unwrap();
    let first = post(&server, CHAT, &[("x-api-key", "k")], say("x")).await;
    let second = post(&server, CHAT, &[("x-api-key", "k")], say("x")).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 429));
    for name in ["retry-after", "retry-after-ms", "x-ratelimit-remaining-requests"] {
        assert!(!second.headers.contains_key(name), "{name}");
    }
}
