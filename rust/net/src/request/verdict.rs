//! What an answer is, by its head.

use ferrogate_core::dialects::Operation;
use ferrogate_core::{GatewayError, Kind};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING};
use http::response;

const EVENT_STREAM: &[u8] = b"text/event-stream";

/// What to do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 3xx, 4xx or 5xx: its body says whose failure it is.
    Refused,
    /// Events, to be read.
    Events,
    /// JSON, to be collected and checked.
    Json,
    /// Relayed unread.
    Unread,
}

/// Reads the head of an answer as it came, for a client that sent `client`.
///
/// # Errors
/// `upstream_invalid` for an answer that is none: a protocol that was switched, a body that cannot be told from the
/// next one or cannot be read by anybody, a redirect of inference.
pub(super) fn judge(
    head: &response::Parts,
    operation: Operation,
    client: &HeaderMap,
) -> Result<Verdict, GatewayError> {
    let status = head.status;
    if status.is_informational() {
        return Err(invalid("The provider switched protocols, which nobody had asked for."));
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(invalid("The provider's answer has a transfer encoding other than chunked."));
    }
    let reads = operation.is_inference();
    if reads && status.is_redirection() {
        // A client that followed it would take its prompt past the gateway.
        return Err(invalid(
            "The provider answered with a redirect, which is not followed; its base URL is wrong.",
        ));
    }
    if !status.is_success() {
        return Ok(Verdict::Refused);
    }
    if !reads {
        return Ok(Verdict::Unread);
    }
    if is_encoded(&head.headers) {
        if accepts(client, &head.headers) {
            return Ok(Verdict::Unread);
        }
        return Err(invalid(
            "The provider's answer is compressed, which neither gateway nor client asked for.",
        ));
    }
    let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let is_events =
        kind.get(..EVENT_STREAM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM));
    Ok(if is_events { Verdict::Events } else { Verdict::Json })
}

fn invalid(message: &'static str) -> GatewayError {
    GatewayError::new(Kind::UpstreamInvalid, message)
}

/// The codings of a body, the outermost last.
fn codings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONTENT_ENCODING).into_iter();
    let tokens = values.flat_map(|value| value.to_str().unwrap_or("?").split(',').map(str::trim));
    tokens.filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("identity"))
}

/// Whether the body is compressed.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    codings(headers).next().is_some()
}

/// Whether the client can read every coding of the answer. One that names none reads none.
fn accepts(client: &HeaderMap, answer: &HeaderMap) -> bool {
    codings(answer).all(|coding| {
        let values = client.get_all(ACCEPT_ENCODING).into_iter();
        let mut wishes = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
        wishes.any(|wish| {
            let (name, quality) = wish.split_once(';').unwrap_or((wish, ""));
            let name = name.trim();
            let refused = quality.trim().strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0);
            !refused && (name == "*" || name.eq_ignore_ascii_case(coding))
        })
    })
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    fn verdict(status: u16, headers: &[(&str, &str)], accept: &str) -> Result<Verdict, Kind> {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let mut client = HeaderMap::new();
        client.insert(ACCEPT_ENCODING, accept.parse().unwrap());
        let head = answer.body(()).unwrap().into_parts().0;
        judge(&head, Operation::ChatCompletions, &client).map_err(|error| error.kind)
    }

    #[test]
    fn a_compressed_answer_is_for_those_who_can_read_it() {
        let gzip = [("content-encoding", "GZIP")];
        for accept in ["gzip", "br, gzip;q=0.5", "*"] {
            assert_eq!(verdict(200, &gzip, accept), Ok(Verdict::Unread), "{accept}");
        }
        for accept in ["", "identity", "br", "gzip;q=0", "gzip;q=0.0", "*;q=0"] {
            assert_eq!(verdict(200, &gzip, accept), Err(Kind::UpstreamInvalid), "{accept}");
        }
        let twice = [("content-encoding", "gzip"), ("content-encoding", "br")];
        assert_eq!(verdict(200, &twice, "gzip"), Err(Kind::UpstreamInvalid));
        assert_eq!(verdict(200, &twice, "gzip, br"), Ok(Verdict::Unread));
        assert_eq!(verdict(200, &[("content-encoding", "identity")], ""), Ok(Verdict::Json));
    }

    #[test]
    fn the_type_is_read_in_any_case() {
        assert_eq!(
            verdict(200, &[("content-type", "Text/Event-Stream; charset=utf-8")], ""),
            Ok(Verdict::Events)
        );
        assert_eq!(verdict(200, &[("content-type", "text/event")], ""), Ok(Verdict::Json));
        assert_eq!(verdict(200, &[], ""), Ok(Verdict::Json));
    }

    #[test]
    fn bodies_that_nobody_can_frame_are_refused() {
        assert_eq!(verdict(200, &[("transfer-encoding", "chunked")], ""), Ok(Verdict::Json));
        assert_eq!(verdict(200, &[("transfer-encoding", "gzip, chunked")], ""), Err(Kind::UpstreamInvalid));
        assert_eq!(verdict(101, &[], ""), Err(Kind::UpstreamInvalid));
    }

    #[test]
    fn statuses_fall_into_their_classes() {
        for (status, expected) in
            [(429, Ok(Verdict::Refused)), (500, Ok(Verdict::Refused)), (404, Ok(Verdict::Refused))]
        {
            assert_eq!(verdict(status, &[], ""), expected);
        }
        assert_eq!(verdict(307, &[("location", "/x")], ""), Err(Kind::UpstreamInvalid));
    }
}
