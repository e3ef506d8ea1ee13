use super::*;

#[tokio::test]
async fn chat_echoes_and_counts() {
    let server = start(json!({}));
    let seen = post(&server, CHAT, &[("x-mock-usage", "7,5,3")], say("Grüße \"x\"")).await;
    assert_eq!(seen.status, StatusCode::OK);
    let body = seen.json();
    assert_eq!(body["choices"][0]["message"]["content"], "Grüße \"x\"");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["usage"]["total_tokens"], 12);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 3);
    assert!(seen.header("x-request-id").starts_with("req_"));
    assert_eq!(seen.header("x-ratelimit-limit-requests"), "10000");
    assert_eq!(seen.header("openai-organization"), "mock-org");
    let silent = post(&server, CHAT, &[("x-mock-no-usage", "1")], say("x")).await;
    assert!(silent.json().get("usage").is_none());
}

#[tokio::test]
async fn a_chat_stream_joins_to_the_answer() {
    let server = start(json!({}));
    let mut ask = stream("one two three four");
    ask["stream_options"] = json!({"include_usage": true});
    let seen = post(&server, CHAT, &[("x-mock-chunks", "6")], ask.clone()).await;
    assert!(seen.header("content-type").starts_with("text/event-stream"));
    assert!(seen.text().ends_with("data: [DONE]\n\n"));
    let events = seen.events();
    let deltas = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    assert_eq!(deltas.collect::<String>(), "one two three four");
    assert_eq!(events.len(), 1 + 6 + 2);
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(events[3]["usage"].is_null() && events[3].get("usage").is_some());
    assert_eq!(events[7]["choices"][0]["finish_reason"], "stop");
    assert_eq!((&events[8]["choices"], &events[8]["usage"]["completion_tokens"]), (&json!([]), &json!(5)));
    ask["stream_options"] = Value::Null;
    let plain = post(&server, CHAT, &[], ask).await.events();
    assert!(plain.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn filler_has_the_asked_size() {
    let server = start(json!({"chunks": 100}));
    let ask = json!({"model": "gpt-4o-mini", "messages": [], "stream": true});
    let seen = post(&server, CHAT, &[], ask).await;
    let contents: Vec<&str> =
        seen.text().split_inclusive("\n\n").filter(|event| event.contains("\"content\":\"")).collect();
    assert_eq!(contents.len(), 101);
    assert!(contents[1..].iter().all(|event| event.len() == 250), "{}", contents[1].len());
    let whole = post(&server, CHAT, &[("x-mock-body-kb", "64")], say("x")).await;
    assert!((65_536..67_000).contains(&whole.body.len()), "{}", whole.body.len());
}

#[tokio::test]
async fn tools_are_called_where_they_must_be() {
    let server = start(json!({}));
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let mut ask = say("x");
    ask["tools"] = json!([{"type": "function", "function": {"name": "a"}},
                          {"type": "function", "function": {"name": "weather", "parameters": schema}}]);
    let auto = post(&server, CHAT, &[], ask.clone()).await.json();
    assert_eq!(auto["choices"][0]["message"]["content"], "x");
    ask["tool_choice"] = json!({"type": "function", "function": {"name": "weather"}});
    let call = post(&server, CHAT, &[], ask.clone()).await.json();
    assert_eq!(call["choices"][0]["finish_reason"], "tool_calls");
    let function = &call["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(function, &json!({"name": "weather", "arguments": "{\"city\":\"\"}"}));
    ask["stream"] = true.into();
    let events = post(&server, CHAT, &[], ask.clone()).await.events();
    let parts = events
        .iter()
        .filter_map(|e| e["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str());
    assert_eq!(parts.collect::<String>(), "{\"city\":\"\"}");
    ask["tool_choice"] = "required".into();
    ask["tools"] = json!([]);
    let refused = post(&server, CHAT, &[], ask).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (StatusCode::BAD_REQUEST, &json!("tool_choice"))
    );
}

#[tokio::test]
async fn structured_output_fits_its_schema() {
    let server = start(json!({}));
    let schema =
        json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 2}}, "required": ["n"]});
    let mut ask = say("x");
    ask["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": schema}});
    let chat = post(&server, CHAT, &[], ask).await.json();
    assert_eq!(chat["choices"][0]["message"]["content"], "{\"n\":2}");
    let ask = json!({"model": "m", "input": "x", "text": {"format": {"type": "json_schema", "name": "s", "schema": schema}}});
    let response = post(&server, "/v1/responses", &[], ask.clone()).await.json();
    assert_eq!(response["output"][0]["content"][0]["text"], "{\"n\":2}");
    assert_eq!(response["text"], ask["text"]);
}

#[tokio::test]
async fn a_response_streams_in_order_and_can_be_fetched() {
    let server = start(json!({}));
    let seen =
        post(&server, "/responses", &[], json!({"model": "echo", "input": "hello you", "stream": true}))
            .await;
    let events = seen.events();
    let names: Vec<&str> = seen.text().lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let mut expected = vec!["response.created", "response.in_progress", "response.output_item.added"];
    expected.extend(["response.content_part.added"].iter().chain(&["response.output_text.delta"; 3]));
    expected.extend(["response.output_text.done", "response.content_part.done", "response.output_item.done"]);
    expected.push("response.completed");
    assert_eq!(names, expected);
    for (index, event) in events.iter().enumerate() {
        assert_eq!((&event["type"], &event["sequence_number"]), (&json!(names[index]), &json!(index)));
    }
    let made = &events[10]["response"];
    assert_eq!(made["output"][0]["content"][0]["text"], "hello you");
    let path = format!("/v1/responses/{}", made["id"].as_str().unwrap());
    assert_eq!(&get(&server, &path).await.json(), made);
    assert_eq!(try_send(&server, "DELETE", &path, &[], "").await.unwrap().status, StatusCode::OK);
    assert_eq!(get(&server, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn embeddings_come_as_floats_and_as_base64() {
    let server = start(json!({}));
    let mut ask = json!({"model": "e", "input": ["a", "b"], "dimensions": 3});
    let floats = post(&server, "/v1/embeddings", &[], ask.clone()).await.json();
    assert_eq!(floats["data"].as_array().unwrap().len(), 2);
    let vector: Vec<f32> = serde_json::from_value(floats["data"][0]["embedding"].clone()).unwrap();
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    ask["encoding_format"] = "base64".into();
    let packed = post(&server, "/v1/embeddings", &[], ask).await.json();
    assert_eq!(packed["data"][0]["embedding"], crate::text::base64(&bytes));
    assert_ne!(packed["data"][0]["embedding"], packed["data"][1]["embedding"]);
}

#[tokio::test]
async fn other_paths_and_prefixes() {
    let server = start(json!({}));
    let azure = "/openai/deployments/echo/chat/completions?api-version=2024-10-21";
    let seen =
        post(&server, azure, &[("api-key", "k")], json!({"messages": [{"role": "user", "content": "az"}]}))
            .await;
    assert_eq!(seen.json()["choices"][0]["message"]["content"], "az");
    assert_eq!(get(&server, "/models").await.json()["data"][0]["id"], "echo");
    assert_eq!(get(&server, "/v1/models/any").await.json()["id"], "any");
    let text = post(&server, "/v1/completions", &[], json!({"model": "echo", "prompt": "p"})).await.json();
    assert_eq!((&text["object"], &text["choices"][0]["text"]), (&json!("text_completion"), &json!("p")));
    let flags = post(&server, "/v1/moderations", &[], json!({"input": ["fine", "violence"]})).await.json();
    assert_eq!(
        (&flags["results"][0]["flagged"], &flags["results"][1]["flagged"]),
        (&json!(false), &json!(true))
    );
    for (method, path, body, status, code) in [
        ("POST", "/v1/telepathy", "{}", 404, json!(null)),
        ("GET", CHAT, "", 405, json!("method_not_supported")),
        ("GET", "/v1/models/missing-model", "", 404, json!("model_not_found")),
        ("POST", CHAT, "{\"model\":\"missing-model\",\"messages\":[]}", 404, json!("model_not_found")),
        ("POST", CHAT, "{\"model\":", 400, json!(null)),
        ("POST", CHAT, "{\"model\":\"m\"}", 400, json!("missing_required_parameter")),
        ("POST", CHAT, "{\"messages\":[]}", 400, json!(null)),
    ] {
        let seen = try_send(&server, method, path, &[], body).await.unwrap();
        let error = &seen.json()["error"];
        assert_eq!((seen.status.as_u16(), &error["code"]), (status, &code), "{method} {path} {body}");
        assert_eq!(error["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn all_shards_share_one_state_and_a_taken_port_is_an_error() {
    let server = start(json!({"threads": 2}));
    for _ in 0..16 {
        assert_eq!(post(&server, CHAT, &[], say("x")).await.status, StatusCode::OK);
    }
    assert_eq!(get(&server, "/_mock/requests").await.json().as_array().unwrap().len(), 16);
    let again = Options { port: server.port(), ..Options::default() };
    assert_eq!(MockServer::start(again).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    server.stop();
    server.stop();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).await.is_err());
}
