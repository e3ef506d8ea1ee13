//! OpenAI's dialect: pure functions from a request to an answer.

mod chat;
mod completions;
mod embeddings;
mod files;
pub(crate) mod generate;
mod media;
pub(crate) mod models;
mod moderations;
mod multipart;
pub(crate) mod request;
mod responses;
pub(crate) mod schema;

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;

use crate::reply::{Answer, Failure};
use crate::script::Script;
use crate::shelf::Shelf;

/// Bytes of responses, batches and file contents that are kept for a later GET.
const KEPT_RESPONSES: usize = 8 << 20;
const KEPT_FILES: usize = 64 << 20;
const KEPT_BATCHES: usize = 1 << 20;

/// What a client may ask for again.
#[derive(Debug)]
pub(crate) struct Store {
    responses: std::sync::Arc<Shelf>,
    files: Shelf,
    batches: Shelf,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            responses: std::sync::Arc::new(Shelf::new(KEPT_RESPONSES)),
            files: Shelf::new(KEPT_FILES),
            batches: Shelf::new(KEPT_BATCHES),
        }
    }
}

/// One request.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    /// Below `/v1/`.
    pub(crate) path: &'a str,
    pub(crate) full_path: &'a str,
    pub(crate) deployment: Option<Cow<'a, str>>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    /// Length of the body as sent, where only its beginning was kept.
    pub(crate) body_bytes: u64,
    pub(crate) script: &'a Script,
    pub(crate) store: &'a Store,
    /// Number of the request, from which identifiers are made.
    pub(crate) id: u64,
    /// Unix time in seconds.
    pub(crate) created: u64,
}

/// What stops a request before an answer is made.
type Refused<T> = Result<T, Answer>;

/// Answers a request.
pub(crate) fn answer(call: &Call<'_>) -> Answer {
    let post = call.method == Method::POST;
    let get = call.method == Method::GET;
    let answered = match call.path {
        "chat/completions" if post => chat::answer(call),
        "completions" if post => completions::answer(call),
        "responses" if post => responses::answer(call),
        "embeddings" if post => embeddings::answer(call),
        "moderations" if post => moderations::answer(call),
        "images/generations" if post => media::generated_image(call),
        "images/edits" | "images/variations" if post => media::edited_image(call),
        "audio/speech" if post => media::speech(call),
        "audio/transcriptions" | "audio/translations" if post => media::transcription(call),
        "models" if get => Ok(models::list()),
        "chat/completions"
        | "completions"
        | "responses"
        | "embeddings"
        | "moderations"
        | "images/generations"
        | "images/edits"
        | "images/variations"
        | "audio/speech"
        | "audio/transcriptions"
        | "audio/translations"
        | "models" => Err(not_allowed(call)),
        path => match path.split_once('/') {
            Some(("models", id)) if get => models::get(id),
            Some(("responses", id)) => responses::stored(call, id),
            _ if path == "files" || path.starts_with("files/") => files::files(call),
            _ if path == "batches" || path.starts_with("batches/") => files::batches(call),
            _ => Err(unknown_url(call)),
        },
    };
    answered.unwrap_or_else(|refusal| refusal)
}

fn unknown_url(call: &Call<'_>) -> Answer {
    let message = format!("Invalid URL ({} {})", call.method, call.full_path);
    Failure::new(StatusCode::NOT_FOUND, &message).into()
}

fn not_allowed(call: &Call<'_>) -> Answer {
    let message = format!("Not allowed to {} on {}.", call.method, call.full_path);
    let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, &message);
    Failure { code: Some("method_not_supported"), ..failure }.into()
}

fn not_found(kind: &str, id: &str) -> Answer {
    Failure::new(StatusCode::NOT_FOUND, &format!("No such {kind} object: {id}")).into()
}

/// Reads a JSON body.
fn parse<'a, T: Deserialize<'a>>(call: &Call<'a>) -> Refused<T> {
    serde_json::from_slice(call.body).map_err(|error| {
        let message = if error.is_data() {
            format!("Invalid value in the request: {error}.")
        } else {
            format!(
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
                 library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON: {error}.)"
            )
        };
        Failure::new(StatusCode::BAD_REQUEST, &message).into()
    })
}

/// The model of the body or of the path; the one called `missing-model` does not exist.
fn model<'a>(call: &'a Call<'_>, asked: Option<Cow<'a, str>>) -> Refused<Cow<'a, str>> {
    let model = asked.or_else(|| call.deployment.as_deref().map(Cow::Borrowed)).ok_or_else(|| {
        Answer::from(Failure {
            param: None,
            code: None,
            ..Failure::invalid("you must provide a model parameter", "", "")
        })
    })?;
    if model == models::MISSING { Err(models::not_found(&model)) } else { Ok(model) }
}
