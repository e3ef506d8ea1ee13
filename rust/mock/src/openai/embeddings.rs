//! `POST /embeddings`: unit vectors that depend on the model and the text alone.
//! <https://platform.openai.com/docs/api-reference/embeddings>

use std::borrow::Cow;
use std::fmt::Write;

use bytes::BytesMut;
use serde::Deserialize;

use super::request::Input;
use super::{Call, Refused, model, parse};
use crate::reply::{Answer, Failure};
use crate::text::{self, Json};

const LARGEST: usize = 4096;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Option<Input<'a>>,
    encoding_format: Option<Format>,
    dimensions: Option<usize>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Format {
    Float,
    Base64,
}

pub(super) fn answer(call: &Call<'_>) -> Refused<Answer> {
    let request: Request<'_> = parse(call)?;
    let model = model(call, request.model)?;
    let input = request.input.ok_or_else(|| {
        Failure::invalid("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    })?;
    let dimensions = request.dimensions.unwrap_or(if model.contains("large") { 3072 } else { 1536 });
    if !(1..=LARGEST).contains(&dimensions) {
        let message = format!("Invalid value for 'dimensions': it must be between 1 and {LARGEST}.");
        return Err(Failure::invalid(&message, "dimensions", "invalid_value").into());
    }
    let inputs = input.batch();
    let tokens =
        call.script.usage.map_or_else(|| inputs.iter().map(Input::tokens).sum(), |usage| usage.input);
    let mut out = BytesMut::with_capacity(128 + inputs.len() * (64 + dimensions * 12));
    out.raw(r#"{"object":"list","data":["#);
    for (index, input) in inputs.iter().enumerate() {
        out.raw(if index > 0 {
            r#",{"object":"embedding","index":"#
        } else {
            r#"{"object":"embedding","index":"#
        });
        out.number(index as u64).raw(r#","embedding":"#);
        let vector = vector(&model, &input.text(), dimensions);
        if request.encoding_format == Some(Format::Base64) {
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            out.raw("\"").raw(&text::base64(&bytes)).raw("\"}");
        } else {
            for (position, x) in vector.iter().enumerate() {
                // Writing into a growing buffer does not fail.
                let _ = write!(out, "{}{x:?}", if position > 0 { ',' } else { '[' });
            }
            out.raw("]}");
        }
    }
    out.raw(r#"],"model":"#).string(&model);
    if call.script.no_usage != Some(true) {
        out.raw(r#","usage":{"prompt_tokens":"#)
            .number(tokens)
            .raw(r#","total_tokens":"#)
            .number(tokens)
            .raw("}");
    }
    out.raw("}");
    Ok(Answer::json(out))
}

/// A pseudo-random direction (FNV-1a seeds splitmix64), of length 1.
fn vector(model: &str, text: &str, dimensions: usize) -> Vec<f32> {
    let seed = [model, "\0", text]
        .iter()
        .flat_map(|part| part.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let parts = (0..dimensions as u64).map(|index| {
        let bits = text::mix(seed.wrapping_add(index)).to_be_bytes();
        f32::from(i16::from_be_bytes([bits[0], bits[1]])) / 32_768.0
    });
    let mut vector: Vec<f32> = parts.collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for x in &mut vector {
            *x /= length;
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::vector;

    #[test]
    fn vectors_are_unit_and_depend_on_the_text() {
        let (a, again, b) = (vector("m", "a", 256), vector("m", "a", 256), vector("m", "b", 256));
        assert_eq!(a, again);
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        assert!((dot(&a, &a) - 1.0).abs() < 1e-3);
        assert!(dot(&a, &b).abs() < 0.5);
    }
}
