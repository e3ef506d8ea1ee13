//! `GET /models` and `GET /models/{id}`. Any name works as a model but one; the list shows a few.

use bytes::BytesMut;
use http::StatusCode;

use super::Refused;
use crate::reply::{Answer, Failure};
use crate::text::Json;

/// The model that does not exist.
pub(crate) const MISSING: &str = "missing-model";
const LISTED: [&str; 6] = [
    "echo",
    "gpt-4o",
    "gpt-4o-mini",
    "text-embedding-3-small",
    "text-embedding-3-large",
    "omni-moderation-latest",
];

pub(super) fn list() -> Answer {
    let mut out = BytesMut::with_capacity(640);
    out.raw(r#"{"object":"list","data":["#);
    for (index, id) in LISTED.iter().enumerate() {
        out.raw(if index > 0 { "," } else { "" });
        push(id, &mut out);
    }
    out.raw("]}");
    Answer::json(out)
}

pub(super) fn get(id: &str) -> Refused<Answer> {
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    if id == MISSING {
        return Err(not_found(&id));
    }
    let mut out = BytesMut::with_capacity(128);
    push(&id, &mut out);
    Ok(Answer::json(out))
}

pub(super) fn not_found(model: &str) -> Answer {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    let failure = Failure::new(StatusCode::NOT_FOUND, &message);
    Failure { code: Some("model_not_found"), ..failure }.into()
}

fn push(id: &str, out: &mut BytesMut) {
    out.raw(r#"{"id":"#).string(id).raw(r#","object":"model","created":1715367049,"owned_by":"mock"}"#);
}
