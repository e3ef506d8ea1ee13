//! Images and audio: the smallest files that are what they claim to be.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use serde::Deserialize;

use super::multipart::{self, Field};
use super::{Call, Refused, parse};
use crate::openai::models;
use crate::reply::{Answer, Failure};
use crate::text::{self, Json};

/// A transparent pixel.
const PNG: [u8; 67] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00,
    0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x00, 0x01, 0x00, 0x00, 0x05, 0x00, 0x01,
    0x0d, 0x0a, 0x2d, 0xb4, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];
const MOST_IMAGES: u64 = 10;
/// Bytes of speech where the script does not say.
const SPEECH: usize = 4096;

#[derive(Deserialize)]
struct ImageRequest {
    model: Option<String>,
    n: Option<u64>,
}

pub(super) fn generated_image(call: &Call<'_>) -> Refused<Answer> {
    let request: ImageRequest = parse(call)?;
    refuse_missing(request.model.as_deref())?;
    images(call, request.n.unwrap_or(1))
}

pub(super) fn edited_image(call: &Call<'_>) -> Refused<Answer> {
    let form = form(call)?;
    if !form.iter().any(|field| field.name.starts_with("image")) {
        return Err(Failure::invalid(
            "Missing required parameter: 'image'.",
            "image",
            "missing_required_parameter",
        )
        .into());
    }
    images(call, value(&form, "n").and_then(|n| n.parse().ok()).unwrap_or(1))
}

fn images(call: &Call<'_>, count: u64) -> Refused<Answer> {
    if !(1..=MOST_IMAGES).contains(&count) {
        return Err(Failure::invalid(
            "Invalid value for 'n': it must be between 1 and 10.",
            "n",
            "invalid_value",
        )
        .into());
    }
    let picture = text::base64(&PNG);
    let mut out = BytesMut::with_capacity(512);
    out.raw(r#"{"created":"#).number(call.created).raw(r#","data":["#);
    for index in 0..count {
        out.raw(if index > 0 { "," } else { "" }).raw(r#"{"b64_json":""#).raw(&picture).raw("\"}");
    }
    out.raw("]");
    if call.script.no_usage != Some(true) {
        let usage = call.script.usage.unwrap_or_default();
        out.raw(r#","usage":{"input_tokens":"#).number(usage.input);
        out.raw(r#","input_tokens_details":{"text_tokens":"#).number(usage.input);
        out.raw(r#","image_tokens":0},"output_tokens":"#).number(usage.output);
        out.raw(r#","total_tokens":"#).number(usage.input.saturating_add(usage.output)).raw("}");
    }
    out.raw("}");
    Ok(Answer::json(out))
}

#[derive(Deserialize)]
struct SpeechRequest {
    model: Option<String>,
    response_format: Option<String>,
}

pub(super) fn speech(call: &Call<'_>) -> Refused<Answer> {
    let request: SpeechRequest = parse(call)?;
    refuse_missing(request.model.as_deref())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded when it was read")]
    let size = call.script.body_kb.map_or(SPEECH, |kilobytes| (kilobytes * 1024.0) as usize);
    let (content_type, head): (_, &[u8]) = match request.response_format.as_deref().unwrap_or("mp3") {
        "mp3" => ("audio/mpeg", b"ID3\x04\0\0\0\0\0\0"),
        "opus" => ("audio/ogg", b"OggS"),
        "aac" => ("audio/aac", b"\xff\xf1"),
        "flac" => ("audio/flac", b"fLaC"),
        "wav" => ("audio/wav", b"RIFF\xff\xff\xff\xffWAVEfmt "),
        "pcm" => ("audio/pcm", b""),
        other => {
            let message = format!("Invalid value: '{other}'.");
            return Err(Failure::invalid(&message, "response_format", "invalid_value").into());
        }
    };
    // Every byte value occurs, so that anything that takes audio for text is found out.
    let noise =
        (0..size.saturating_sub(head.len())).map(|at| text::mix((at / 8) as u64).to_le_bytes()[at % 8]);
    let sound: Bytes = head.iter().copied().chain(noise).collect();
    Ok(Answer::binary(content_type, sound))
}

pub(super) fn transcription(call: &Call<'_>) -> Refused<Answer> {
    const SAID: &str = "The mock provider heard this.";
    let form = form(call)?;
    refuse_missing(value(&form, "model"))?;
    if !form.iter().any(|field| field.name == "file") {
        return Err(Failure::invalid(
            "Missing required parameter: 'file'.",
            "file",
            "missing_required_parameter",
        )
        .into());
    }
    let mut out = BytesMut::with_capacity(192);
    match value(&form, "response_format").unwrap_or("json") {
        "text" => return Ok(Answer::binary("text/plain; charset=utf-8", format!("{SAID}\n"))),
        "verbose_json" => {
            out.raw(r#"{"task":"transcribe","language":"english","duration":1.0,"segments":[],"text":"#);
        }
        _ => {
            out.raw(r#"{"text":"#);
        }
    }
    out.string(SAID).raw(r#","usage":{"type":"duration","seconds":1}}"#);
    Ok(Answer::json(out))
}

fn form(call: &Call<'_>) -> Refused<Vec<Field>> {
    multipart::fields(call.headers, call.body).ok_or_else(|| {
        let message = "Invalid content type: this path takes multipart/form-data.";
        Failure::new(StatusCode::BAD_REQUEST, message).into()
    })
}

fn value<'a>(form: &'a [Field], name: &str) -> Option<&'a str> {
    form.iter().find(|field| field.name == name).and_then(|field| std::str::from_utf8(&field.content).ok())
}

fn refuse_missing(model: Option<&str>) -> Refused<()> {
    if model == Some(models::MISSING) { Err(models::not_found(models::MISSING)) } else { Ok(()) }
}
