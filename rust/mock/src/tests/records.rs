use super::*;

#[tokio::test]
async fn what_arrived_is_kept_as_it_came() {
    let server = start(json!({}));
    let body = "{\"model\":\"echo\",  \"messages\":[], \"é\":1}";
    let headers = [("authorization", "Bearer sk-1"), ("x-thing", "a b")];
    let seen = try_send(&server, "POST", "/v1/chat/completions?a=b", &headers, body).await.unwrap();
    let row = record_when(&server, |row| row["finished"] == true).await;
    assert_eq!(row["id"], seen.header("x-request-id"));
    assert_eq!((&row["path"], &row["query"], &row["key"]), (&json!(CHAT), &json!("a=b"), &json!("sk-1")));
    assert_eq!((&row["body_text"], &row["status"]), (&json!(body), &json!(200)));
    assert!(row["headers"].as_array().unwrap().contains(&json!(["x-thing", "a b"])));
    try_send(&server, "DELETE", "/_mock/requests", &[], "").await.unwrap();
    assert_eq!(get(&server, "/_mock/requests").await.json(), json!([]));
    let off = start(json!({"record": false}));
    assert_eq!(get(&off, "/_mock/requests").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_is_seen() {
    let server = start(json!({"chunk_ms": 20, "chunks": 5000}));
    let (mut sender, connection) = connect(&server).await;
    let asked = request("POST", CHAT, &[], stream("x").to_string());
    let mut response = sender.send_request(asked).await.unwrap();
    assert!(response.body_mut().frame().await.unwrap().is_ok());
    let row = record_when(&server, |_| true).await;
    assert_eq!((&row["finished"], &row["client_left"]), (&json!(false), &json!(false)));
    drop(response);
    connection.abort();
    let row = record_when(&server, |row| row["client_left"] == true).await;
    assert_eq!(row["finished"], false);
    assert!(row["client_left_ms"].as_u64() >= row["started_ms"].as_u64());
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_seen() {
    let server = start(json!({}));
    for header in [("x-mock-delay-ms", "60000"), ("x-mock-hang", "1")] {
        let (mut sender, connection) = connect(&server).await;
        let asked = request("POST", CHAT, &[header], say("x").to_string());
        let waiting = tokio::spawn(async move { drop(sender.send_request(asked).await) });
        let named = |row: &Value| row["headers"].as_array().unwrap().contains(&json!([header.0, header.1]));
        record_when(&server, named).await;
        connection.abort();
        let row = record_when(&server, |row| named(row) && row["client_left"] == true).await;
        assert!(row["status"].is_null() && row["finished"] == false);
        waiting.abort();
    }
}

#[tokio::test]
async fn a_client_that_leaves_its_own_upload_is_seen() {
    use tokio::io::AsyncWriteExt;

    let server = start(json!({}));
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    stream
        .write_all(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\npart")
        .await
        .unwrap();
    drop(stream);
    let row = record_when(&server, |row| row["client_left"] == true).await;
    assert_eq!((&row["path"], &row["finished"]), (&json!("/v1/files"), &json!(false)));
}

#[tokio::test]
async fn paced_events_leave_one_by_one() {
    let server = start(json!({"chunk_ms": 5, "chunks": 4, "ttft_ms": 5}));
    let (mut sender, _connection) = connect(&server).await;
    let mut response =
        sender.send_request(request("POST", CHAT, &[], stream("abcd").to_string())).await.unwrap();
    let mut sizes = Vec::new();
    while let Some(frame) = response.body_mut().frame().await {
        let data = frame.unwrap().into_data().unwrap();
        sizes.push(data.windows(2).filter(|pair| pair == b"\n\n").count());
    }
    assert_eq!(sizes, [1, 1, 1, 1, 1, 2]);
}
