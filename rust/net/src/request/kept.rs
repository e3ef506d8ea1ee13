//! A failing answer: held while other lanes are tried, and the client's as it came where none is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_core::GatewayError;
use ferrogate_core::balance::Class;
use ferrogate_core::convert::{self, Pair};
use ferrogate_core::dialects::openai;
use ferrogate_core::secret::Secret;
use ferrogate_core::snapshot::Choice;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use http::{StatusCode, response};

use super::opening::{self, Gathered};
use super::verdict::is_encoded;
use crate::relay::Running;
use crate::upstream::AnswerBody;

/// So much of it is held in memory.
const HELD: usize = 64 * 1024;
/// Its text is waited for no longer than this: another lane may have the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer that failed.
pub(super) struct Kept {
    /// As the provider had it.
    pub(super) status: u16,
    pub(super) head: response::Parts,
    pub(super) body: KeptBody,
}

pub(super) enum KeptBody {
    /// All of it.
    Whole(Bytes),
    /// Longer than what is held: the rest is still with the provider.
    Longer(Box<Running>),
}

impl Kept {
    /// Reads as much as is held. What cannot be read is replaced by a sentence of the gateway's, the status kept;
    /// `reads` says that no compression was asked for.
    pub(super) async fn read(
        mut head: response::Parts,
        body: AnswerBody,
        choice: &Choice,
        deadline: Instant,
        reads: bool,
    ) -> Self {
        let status = head.status.as_u16();
        let kind = Class::of_status(status, None).kind();
        if must_withhold(&head, reads) {
            let message = "The provider refused the request; its text is compressed and could not be searched for secrets.";
            return Self {
                status,
                body: KeptBody::Whole(replaced(&mut head, &GatewayError::new(kind, message))),
                head,
            };
        }
        let until = deadline.min(Instant::now() + PATIENCE.min(choice.provider.timeouts.idle));
        let body = match opening::gather(body, HELD, until).await {
            Ok(Gathered::Whole(bytes)) => KeptBody::Whole(masked(bytes, choice.key().secret.as_ref())),
            Ok(Gathered::Longer(start, rest)) => {
                KeptBody::Longer(Box::new(Running::large(start, rest, choice, None)))
            }
            Err(_) => {
                let message = "The provider refused the request, and its text broke off.";
                KeptBody::Whole(replaced(&mut head, &GatewayError::new(kind, message)))
            }
        };
        Self { status, head, body }
    }

    /// Its text, as far as it is here.
    pub(super) fn text(&self) -> Option<&[u8]> {
        match &self.body {
            KeptBody::Whole(bytes) => Some(bytes),
            KeptBody::Longer(_) => None,
        }
    }

    /// In the client's dialect.
    pub(super) fn converted(mut self, pair: Pair) -> Self {
        let bytes = self.text().unwrap_or_default();
        let (status, body) = convert::error(pair, self.status, bytes);
        self.head.status = StatusCode::from_u16(status).unwrap_or(self.head.status);
        relabel(&mut self.head.headers);
        Self { body: KeptBody::Whole(body.into()), ..self }
    }
}

/// Brings headers in step with a JSON body of the gateway's own.
pub(super) fn relabel(headers: &mut HeaderMap) {
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING, ETAG] {
        headers.remove(name);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
}

/// The bytes without the lane's key.
pub(super) fn masked(bytes: Bytes, secret: Option<&Arc<Secret>>) -> Bytes {
    match secret {
        Some(secret) => secret.mask(bytes),
        None => bytes,
    }
}

/// Whether a refusal must not be shown, because it cannot be searched for the lane's key: it is compressed, though
/// nobody asked for that, or it is about the key.
fn must_withhold(head: &response::Parts, reads: bool) -> bool {
    let about_the_key = matches!(head.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    (reads || about_the_key) && is_encoded(&head.headers)
}

/// Brings a head in step with a body of the gateway's own.
fn replaced(head: &mut response::Parts, error: &GatewayError) -> Bytes {
    relabel(&mut head.headers);
    openai::error_body(error).into()
}

/// Masks the lane's key in headers.
pub(super) fn mask_headers(headers: &mut HeaderMap, secret: Option<&Arc<Secret>>) {
    let Some(secret) = secret else { return };
    for value in headers.values_mut() {
        if let Some(masked) = secret.mask_slice(value.as_bytes())
            && let Ok(masked) = HeaderValue::from_maybe_shared(masked)
        {
            *value = masked;
        }
    }
}
