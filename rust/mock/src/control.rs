//! `/_mock/...`: scripts for keys, and what arrived.

use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::keys::KeyScripts;
use crate::record::Recorder;
use crate::reply::{Answer, Failure};
use crate::route::parameter;

/// Prefix of the paths that belong to the mock and not to a provider.
pub(crate) const PREFIX: &str = "/_mock/";

/// Answers a control request; `path` is below [`PREFIX`].
pub(crate) fn answer(
    method: &Method,
    path: &str,
    query: &str,
    body: &Bytes,
    keys: &KeyScripts,
    recorder: Option<&Recorder>,
) -> Answer {
    let (head, key) = path.split_once('/').map_or((path, None), |(head, key)| (head, Some(key)));
    let key = key.filter(|key| !key.is_empty()).map(|key| percent_decode_str(key).decode_utf8_lossy());
    match (head, method, key) {
        ("keys", &Method::PUT, Some(key)) => match keys.put(&key, body) {
            Ok(()) => Answer::json("{\"ok\":true}"),
            Err(message) => Failure { code: Some("script_invalid"), ..bad(&message) }.into(),
        },
        ("keys", &Method::DELETE, key) => Answer::json(format!("{{\"removed\":{}}}", keys.remove(key.as_deref()))),
        ("requests", &Method::GET, None) => match recorder {
            Some(recorder) => list(recorder, query),
            None => Failure::new(StatusCode::NOT_FOUND, "Recording is off.").into(),
        },
        ("requests", &Method::DELETE, None) => {
            if let Some(recorder) = recorder {
                recorder.clear();
            }
            Answer::json("{\"ok\":true}")
        }
        _ => Failure::new(
            StatusCode::NOT_FOUND,
            "The mock knows PUT and DELETE /_mock/keys/{key}, DELETE /_mock/keys, GET and DELETE /_mock/requests.",
        )
        .into(),
    }
}

fn list(recorder: &Recorder, query: &str) -> Answer {
    let key = parameter(query, "key");
    let limit = match parameter(query, "limit").map(|limit| limit.parse()) {
        None => usize::MAX,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => return bad("limit: not a count").into(),
    };
    match recorder.list(key.as_deref(), limit) {
        Ok(json) => Answer::json(json),
        Err(error) => Failure::new(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()).into(),
    }
}

fn bad(message: &str) -> Failure<'_> {
    Failure::new(StatusCode::BAD_REQUEST, message)
}
