//! What a request's head must be before anybody believes it: two readers of one head must not see two requests.

use ferrogate_core::{GatewayError, Kind};
use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Uri, Version};

/// Checks what the HTTP parser lets pass, and brings a target in absolute form into origin form, its authority
/// being the Host (RFC 9112, 3.2.2).
pub(crate) fn settle(head: &mut Parts) -> Result<(), GatewayError> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next()
        && (codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
    {
        // The parser looks at the last coding only: what lies below chunked would reach the provider undecoded.
        return Err(refuse("Transfer-Encoding must be chunked, and nothing else."));
    }
    match head.headers.get_all(HOST).iter().count() {
        0 if head.version == Version::HTTP_11 => return Err(refuse("The header Host is missing.")),
        0 | 1 => {}
        _ => return Err(refuse("The header Host stands more than once.")),
    }
    // On HTTP/2 every target has an authority.
    if head.uri.scheme().is_some()
        && let Some(authority) = head.uri.authority()
    {
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| refuse("The target has no host."))?;
        let path = head.uri.path_and_query().cloned();
        head.headers.insert(HOST, host);
        head.uri = path.map_or_else(Uri::default, Uri::from);
    }
    Ok(())
}

fn refuse(message: &'static str) -> GatewayError {
    GatewayError::new(Kind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn settled(target: &str, headers: &[(&str, &str)]) -> Result<Parts, GatewayError> {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        settle(&mut head).map(|()| head)
    }

    #[test]
    fn codings_other_than_chunked_are_refused() {
        let host = ("host", "localhost");
        for value in ["gzip, chunked", "identity, chunked", ",chunked", "chunked,", "xchunked"] {
            assert!(settled("/v1/x", &[host, ("transfer-encoding", value)]).is_err(), "{value}");
        }
        let twice = [host, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert!(settled("/v1/x", &twice).is_err());
        assert!(settled("/v1/x", &[host, ("transfer-encoding", "Chunked")]).is_ok());
    }

    #[test]
    fn there_is_one_host() {
        assert!(settled("/v1/x", &[]).is_err());
        assert!(settled("/v1/x", &[("host", "a"), ("host", "a")]).is_err());
    }

    #[test]
    fn the_authority_of_the_target_is_the_host() {
        let head = settled("http://evil.example:81/v1/x?y=z", &[("host", "localhost")]).unwrap();
        assert_eq!(head.uri, "/v1/x?y=z");
        assert_eq!(head.headers[HOST], "evil.example:81");
    }
}
