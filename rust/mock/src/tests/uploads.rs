use super::*;

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=frontier");

fn form(fields: &[(&str, &str, &str)]) -> String {
    let fields = fields.iter().map(|(name, extra, content)| {
        format!("--frontier\r\ncontent-disposition: form-data; name=\"{name}\"{extra}\r\n\r\n{content}\r\n")
    });
    fields.chain(["--frontier--\r\n".to_owned()]).collect()
}

#[tokio::test]
async fn a_file_goes_in_and_comes_out() {
    let server = start(json!({}));
    let body = form(&[("purpose", "", "batch"), ("file", "; filename=\"in.jsonl\"", "line\r\n")]);
    let made = try_send(&server, "POST", "/v1/files", &[FORM], body).await.unwrap().json();
    assert_eq!(
        (&made["bytes"], &made["filename"], &made["purpose"]),
        (&json!(6), &json!("in.jsonl"), &json!("batch"))
    );
    let path = format!("/v1/files/{}", made["id"].as_str().unwrap());
    assert_eq!(get(&server, &path).await.json(), made);
    assert_eq!(get(&server, &format!("{path}/content")).await.text(), "line\r\n");
    assert_eq!(get(&server, "/v1/files").await.json()["data"], json!([made]));
    let deleted = try_send(&server, "DELETE", &path, &[], "").await.unwrap().json();
    assert_eq!(deleted["deleted"], true);
    assert_eq!(get(&server, &path).await.status, StatusCode::NOT_FOUND);
    let other = try_send(&server, "PUT", &path, &[], "").await.unwrap();
    assert_eq!(other.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn media_are_what_they_claim_to_be() {
    let server = start(json!({}));
    let image = post(&server, "/v1/images/generations", &[], json!({"prompt": "x", "n": 2})).await.json();
    assert_eq!(image["data"].as_array().unwrap().len(), 2);
    assert!(image["data"][0]["b64_json"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    let edit = form(&[("image", "; filename=\"a.png\"", "..."), ("n", "", "3")]);
    let edited = try_send(&server, "POST", "/v1/images/edits", &[FORM], edit).await.unwrap().json();
    assert_eq!(edited["data"].as_array().unwrap().len(), 3);
    let speech = post(&server, "/v1/audio/speech", &[("x-mock-body-kb", "2")], json!({"input": "x"})).await;
    assert_eq!((speech.header("content-type"), speech.body.len()), ("audio/mpeg", 2048));
    assert!(speech.body.starts_with(b"ID3"));
    let said = form(&[("file", "; filename=\"a.wav\"", "RIFF"), ("response_format", "", "text")]);
    let heard = try_send(&server, "POST", "/v1/audio/transcriptions", &[FORM], said).await.unwrap();
    assert!(heard.header("content-type").starts_with("text/plain") && !heard.body.is_empty());
    let none = try_send(&server, "POST", "/v1/audio/transcriptions", &[FORM], form(&[])).await.unwrap();
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_batch_is_complete_at_once() {
    let server = start(json!({}));
    let ask = json!({"input_file_id": "file-1", "endpoint": CHAT, "completion_window": "24h", "metadata": {"a": "b"}});
    let made = post(&server, "/v1/batches", &[], ask).await.json();
    assert_eq!((&made["status"], &made["metadata"]), (&json!("completed"), &json!({"a": "b"})));
    let path = format!("/v1/batches/{}", made["id"].as_str().unwrap());
    assert_eq!(get(&server, &path).await.json(), made);
    assert_eq!(get(&server, "/v1/batches/none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let server = start(json!({}));
    let text = "0123456789".repeat(100_000);
    let seen = post(&server, CHAT, &[], say(&text)).await;
    assert_eq!(seen.json()["choices"][0]["message"]["content"], text);
    let row = record_when(&server, |row| row["finished"] == true).await;
    assert_eq!((&row["body_text"], &row["body_truncated"]), (&json!(say(&text).to_string()), &json!(false)));
}
