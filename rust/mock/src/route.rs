//! Which resource a path names, and whose key the request carries.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use percent_encoding::percent_decode_str;

/// A provider path without its prefixes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource<'a> {
    /// `chat/completions`, `files/file-1/content`, ...
    pub(crate) path: &'a str,
    /// The model that an Azure path names.
    pub(crate) deployment: Option<Cow<'a, str>>,
}

/// What a path may end in, whatever stands before it: providers put the dialect under prefixes of their own, such as
/// `/inference/v1` or `/api/paas/v4`.
const ENDINGS: [&str; 5] = ["chat/completions", "completions", "responses", "embeddings", "models"];

/// Strips `/v1`, `/openai/v1`, `/openai/deployments/{model}` or a provider's own prefix.
pub(crate) fn resource(path: &str) -> Resource<'_> {
    let azure = path.strip_prefix("/openai/");
    if let Some((model, rest)) =
        azure.and_then(|rest| rest.strip_prefix("deployments/")).and_then(|d| d.split_once('/'))
    {
        return Resource { path: rest, deployment: Some(percent_decode_str(model).decode_utf8_lossy()) };
    }
    let path = azure.unwrap_or_else(|| path.strip_prefix('/').unwrap_or(path));
    let path = path.strip_prefix("v1/").unwrap_or(path);
    let is_below = |ending: &&&str| {
        path.strip_suffix(**ending).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    Resource { path: ENDINGS.iter().find(is_below).copied().unwrap_or(path), deployment: None }
}

/// The API key, wherever the dialect's clients put it.
pub(crate) fn api_key(headers: &HeaderMap) -> Option<&str> {
    const API_KEY: HeaderName = HeaderName::from_static("api-key");
    const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let other =
        || headers.get(API_KEY).or_else(|| headers.get(X_API_KEY)).and_then(|value| value.to_str().ok());
    bearer.or_else(other).filter(|key| !key.is_empty())
}

/// A parameter of a query string, decoded.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_fall_away() {
        for (path, expected, deployment) in [
            ("/v1/chat/completions", "chat/completions", None),
            ("/chat/completions", "chat/completions", None),
            ("/openai/v1/models", "models", None),
            ("/openai/deployments/gpt%204/embeddings", "embeddings", Some("gpt 4")),
            ("/v1/openai/chat/completions", "chat/completions", None),
            ("/client/v4/accounts/a/ai/v1/embeddings", "embeddings", None),
            ("/api/paas/v4/models", "models", None),
            ("/v1/models/embeddings-1", "models/embeddings-1", None),
            ("/v1", "v1", None),
            ("/", "", None),
        ] {
            let resource = resource(path);
            assert_eq!((resource.path, resource.deployment.as_deref()), (expected, deployment), "{path}");
        }
    }

    #[test]
    fn the_key_is_found_in_each_place() {
        let mut headers = HeaderMap::new();
        assert_eq!(api_key(&headers), None);
        for (name, value, key) in
            [("x-api-key", "c", "c"), ("api-key", "b", "b"), ("authorization", "bearer  a", "a")]
        {
            headers.insert(name, value.parse().unwrap());
            assert_eq!(api_key(&headers), Some(key));
        }
    }
}
