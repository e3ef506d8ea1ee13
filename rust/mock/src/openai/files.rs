//! Files and batches: kept in memory, the oldest dropped first. A batch runs nothing; it is complete at once.

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Call, Refused, multipart, not_allowed, not_found, parse, unknown_url};
use crate::reply::{Answer, Failure};
use crate::shelf::{Item, Shelf};
use crate::text::{self, Json};

/// `/files`, `/files/{id}` and `/files/{id}/content`.
pub(super) fn files(call: &Call<'_>) -> Refused<Answer> {
    let rest: Vec<&str> = call.path.split('/').skip(1).collect();
    let shelf = &call.store.files;
    match (call.method, rest.as_slice()) {
        (&Method::POST, []) => upload(call),
        (&Method::GET, []) => Ok(list(shelf)),
        (&Method::GET, [id]) => {
            shelf.get(id).map(|item| Answer::json(item.object)).ok_or_else(|| not_found("File", id))
        }
        (&Method::GET, [id, "content"]) => {
            let item = shelf.get(id).ok_or_else(|| not_found("File", id))?;
            Ok(Answer::binary("application/octet-stream", item.content))
        }
        (&Method::DELETE, [id]) => {
            if !shelf.remove(id) {
                return Err(not_found("File", id));
            }
            let mut out = BytesMut::new();
            out.raw(r#"{"id":"#).string(id).raw(r#","object":"file","deleted":true}"#);
            Ok(Answer::json(out))
        }
        (_, [] | [_] | [_, "content"]) => Err(not_allowed(call)),
        _ => Err(unknown_url(call)),
    }
}

fn upload(call: &Call<'_>) -> Refused<Answer> {
    let form = multipart::fields(call.headers, call.body)
        .ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "This path takes multipart/form-data."))?;
    let file = form.iter().find(|field| field.name == "file");
    let file = file.ok_or_else(|| {
        Failure::invalid("'file' is a required property", "file", "missing_required_parameter")
    })?;
    let purpose = form.iter().find(|field| field.name == "purpose");
    let purpose = purpose.map_or_else(|| "user_data".into(), |field| String::from_utf8_lossy(&field.content));
    let unkept = call.body_bytes - call.body.len() as u64;
    let id = text::identifier("file-", call.id);
    let mut out = BytesMut::with_capacity(256);
    out.raw(r#"{"id":"#)
        .string(&id)
        .raw(r#","object":"file","bytes":"#)
        .number(file.content.len() as u64 + unkept);
    out.raw(r#","created_at":"#).number(call.created).raw(r#","expires_at":null,"filename":"#);
    out.string(file.filename.as_deref().unwrap_or("file")).raw(r#","purpose":"#).string(&purpose);
    out.raw(r#","status":"processed","status_details":null}"#);
    let object = out.freeze();
    call.store.files.put(Item { id, object: object.clone(), content: file.content.clone() });
    Ok(Answer::json(object))
}

fn list(shelf: &Shelf) -> Answer {
    let objects = shelf.objects();
    let mut out = BytesMut::with_capacity(64 + objects.iter().map(Bytes::len).sum::<usize>());
    out.raw(r#"{"object":"list","data":["#);
    for (index, object) in objects.iter().enumerate() {
        out.raw(if index > 0 { "," } else { "" }).extend_from_slice(object);
    }
    out.raw(r#"],"has_more":false}"#);
    Answer::json(out)
}

#[derive(Deserialize)]
struct BatchRequest {
    input_file_id: String,
    endpoint: String,
    completion_window: String,
    metadata: Option<Box<RawValue>>,
}

/// `/batches`, `/batches/{id}` and `/batches/{id}/cancel`.
pub(super) fn batches(call: &Call<'_>) -> Refused<Answer> {
    let rest: Vec<&str> = call.path.split('/').skip(1).collect();
    let shelf = &call.store.batches;
    match (call.method, rest.as_slice()) {
        (&Method::POST, []) => create_batch(call),
        (&Method::GET, []) => Ok(list(shelf)),
        (&Method::GET, [id]) | (&Method::POST, [id, "cancel"]) => {
            shelf.get(id).map(|item| Answer::json(item.object)).ok_or_else(|| not_found("Batch", id))
        }
        (_, [] | [_] | [_, "cancel"]) => Err(not_allowed(call)),
        _ => Err(unknown_url(call)),
    }
}

fn create_batch(call: &Call<'_>) -> Refused<Answer> {
    let request: BatchRequest = parse(call)?;
    let id = text::identifier("batch_", call.id);
    let mut out = BytesMut::with_capacity(512);
    out.raw(r#"{"id":"#).string(&id).raw(r#","object":"batch","endpoint":"#).string(&request.endpoint);
    out.raw(r#","errors":null,"input_file_id":"#).string(&request.input_file_id);
    out.raw(r#","completion_window":"#).string(&request.completion_window);
    out.raw(r#","status":"completed","output_file_id":null,"error_file_id":null,"created_at":"#)
        .number(call.created);
    out.raw(r#","completed_at":"#).number(call.created);
    out.raw(r#","request_counts":{"total":0,"completed":0,"failed":0},"metadata":"#);
    out.raw(request.metadata.as_ref().map_or("null", |raw| raw.get())).raw("}");
    let object = out.freeze();
    call.store.batches.put(Item { id, object: object.clone(), content: Bytes::new() });
    Ok(Answer::json(object))
}
