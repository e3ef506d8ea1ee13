//! What a request's headers say to the gateway itself.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_core::cache::admit::{CacheControl, Wish};
use ferrogate_core::snapshot::{Access, Principal};
use ferrogate_core::{GatewayError, Kind, json};
use http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use http::request::Parts;

/// Longer values of `x-request-id` and tags are refused: they go into the log.
const TEXT_LIMIT: usize = 512;

/// The `x-gateway-*` request headers.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) provider: Option<Box<str>>,
    pub(super) key: Option<Box<str>>,
    pub(super) fallbacks: Option<Box<str>>,
    pub(super) timeout: Option<Duration>,
    pub(super) cache: Option<Wish>,
    pub(super) cache_control: CacheControl,
    /// Refuses what a provider could not be told all of.
    pub(super) strict: bool,
    /// Requests that belong together.
    pub(super) session: Option<Box<str>>,
    pub(super) client_request_id: Option<Box<str>>,
    /// A JSON object.
    pub(super) tags: Option<Box<str>>,
}

/// Where SDKs put a credential, in the order in which one is looked for: the first header that is there decides.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];

/// Finds the caller from the credential, wherever an SDK puts it, and from Host and Origin.
pub(super) fn identify(access: &Access, head: &Parts) -> Result<Arc<Principal>, GatewayError> {
    if access.is_required() {
        return access.identify(credential(&head.headers)?, None, None);
    }
    // HTTP/2 names the host in the address. Two hosts or origins are none that could be trusted.
    let text = |name| head.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let host = head.uri.authority().map(http::uri::Authority::as_str).or_else(|| text(HOST));
    let single = |name| head.headers.get_all(name).iter().nth(1).is_none();
    let host = host.filter(|_| single(HOST));
    let origin = text(ORIGIN).map(|origin| if single(ORIGIN) { origin } else { "?" });
    access.identify(None, host, origin)
}

/// What the client presents: one value, so that no two readers of the request see two callers.
fn credential(headers: &HeaderMap) -> Result<Option<&[u8]>, GatewayError> {
    for name in CREDENTIALS {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            let message = format!("The header {name} stands more than once; send one credential.");
            return Err(GatewayError::new(Kind::GatewayKeyInvalid, message));
        }
        let Ok(text) = value.to_str() else { return Ok(Some(value.as_bytes())) };
        if name != "authorization" {
            return Ok(Some(text.trim().as_bytes()));
        }
        // Another scheme is somebody else's: a proxy's in front, say.
        if let Some((scheme, rest)) = text.split_once(' ')
            && scheme.eq_ignore_ascii_case("bearer")
        {
            return Ok(Some(rest.trim().as_bytes()));
        }
    }
    Ok(None)
}

impl Wishes {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, GatewayError> {
        let mut wishes = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            if name == "cache-control" {
                wishes.cache_control = wishes.cache_control.and(value.as_bytes());
                continue;
            }
            let Some(wish) = name.strip_prefix("x-gateway-").or((name == "x-request-id").then_some(name))
            else {
                continue;
            };
            let text = value
                .to_str()
                .ok()
                .filter(|text| text.len() <= TEXT_LIMIT)
                .ok_or_else(|| refuse(name))?
                .trim();
            let kept = || (!text.is_empty()).then(|| Box::from(text));
            match wish {
                "provider" => wishes.provider = kept(),
                "key" => wishes.key = kept(),
                "fallbacks" => wishes.fallbacks = kept(),
                "cache" => {
                    wishes.cache = Some(Wish::parse(text.as_bytes()).ok_or_else(|| refuse(name))?);
                }
                "session" => wishes.session = kept(),
                "strict" => {
                    wishes.strict = match text {
                        "true" => true,
                        "false" => false,
                        _ => return Err(refuse(name)),
                    }
                }
                "x-request-id" => wishes.client_request_id = kept(),
                "timeout-ms" => {
                    let ms = text.parse::<u64>().ok().filter(|ms| *ms > 0).ok_or_else(|| refuse(name))?;
                    wishes.timeout = Some(Duration::from_millis(ms));
                }
                "tags" => wishes.tags = Some(tags(text).ok_or_else(|| refuse(name))?),
                _ => {}
            }
        }
        Ok(wishes)
    }
}

/// `k=v,k=v` as a JSON object.
fn tags(text: &str) -> Option<Box<str>> {
    let mut out = Vec::with_capacity(text.len() + 16);
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=')?;
        out.push(if out.is_empty() { b'{' } else { b',' });
        json::escape_into(&mut out, key.trim());
        out.push(b':');
        json::escape_into(&mut out, value.trim());
    }
    if out.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    String::from_utf8(out).ok().map(Into::into)
}

fn refuse(name: &str) -> GatewayError {
    let hint = match name {
        "x-gateway-timeout-ms" => "a whole number of milliseconds above 0",
        "x-gateway-cache" => "off, exact, semantic or refresh",
        "x-gateway-strict" => "true or false",
        "x-gateway-tags" => "name=value pairs, separated by commas",
        _ => "printable ASCII of at most 512 characters",
    };
    GatewayError::new(Kind::InvalidRequest, format!("The header {name} must hold {hint}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Wishes, GatewayError> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Wishes::read(&headers)
    }

    #[test]
    fn tags_become_json() {
        assert_eq!(
            read("x-gateway-tags", "team=a b, \"x\"=1").unwrap().tags.unwrap().as_ref(),
            r#"{"team":"a b","\"x\"":"1"}"#
        );
        assert_eq!(read("x-gateway-tags", "team").unwrap_err().kind, Kind::InvalidRequest);
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        for value in ["0", "-1", "1.5", "soon"] {
            let error = read("x-gateway-timeout-ms", value).unwrap_err();
            assert!(error.message.contains("x-gateway-timeout-ms"), "{value}");
        }
        assert_eq!(read("x-gateway-timeout-ms", "250").unwrap().timeout, Some(Duration::from_millis(250)));
    }
}
