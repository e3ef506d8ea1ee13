//! Which headers pass, up and down.

use ferrogate_core::snapshot::{Key, Provider};
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName,
    HeaderValue, SET_COOKIE,
};

/// Headers of one provider's clients that no other provider may see.
const FAMILIES: [&str; 3] = ["openai-", "anthropic-", "x-mock-"];

const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The headers for one attempt: the client's but for what is the gateway's or its own, and the provider's.
pub(super) fn up(client: &HeaderMap, provider: &Provider, key: &Key, reads_answer: bool) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(client.len() + 4);
    let listed = connection_listed(client);
    for (name, value) in client {
        let is_listed =
            listed.as_ref().is_some_and(|listed| listed.iter().any(|other| other == name.as_str()));
        if !is_listed && passes_up(name, provider, reads_answer) {
            out.append(name, value.clone());
        }
    }
    for (name, value) in &provider.headers {
        out.insert(name, value.clone());
    }
    if let Some(credential) = &key.credential {
        out.insert(&provider.auth_header, credential.clone());
    }
    if reads_answer {
        out.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    out.insert(HOST, provider.host_header.clone());
    out
}

fn passes_up(name: &HeaderName, provider: &Provider, reads_answer: bool) -> bool {
    if *name == AUTHORIZATION
        || *name == COOKIE
        || *name == HOST
        || *name == CONTENT_LENGTH
        || *name == EXPECT
    {
        return false;
    }
    if *name == ACCEPT_ENCODING {
        return !reads_answer;
    }
    let text = name.as_str();
    if matches!(text, "x-api-key" | "api-key" | "x-goog-api-key" | "forwarded") || HOP_BY_HOP.contains(&text)
    {
        return false;
    }
    if text.starts_with("x-gateway-") || text.starts_with("x-forwarded-") {
        return false;
    }
    match FAMILIES.iter().find(|family| text.starts_with(**family)) {
        Some(family) => provider.forward_headers.iter().any(|allowed| **allowed == **family),
        None => true,
    }
}

/// Removes from an answer what is not for the client.
pub(super) fn down(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    remove_where(headers, |name| *name == SET_COOKIE || name.as_str().starts_with("x-gateway-"));
}

/// Removes by one look over the names, for most messages hold nothing that must go.
fn remove_where(headers: &mut HeaderMap, goes: impl Fn(&HeaderName) -> bool) {
    while let Some(name) = headers.keys().find(|name| goes(name)).cloned() {
        headers.remove(name);
    }
}

/// Removes what belongs to one connection only, the headers that `Connection` lists included.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in connection_listed(headers).into_iter().flatten() {
        headers.remove(name);
    }
    remove_where(headers, |name| HOP_BY_HOP.contains(&name.as_str()));
}

/// Removes what only a proxy in front may say, and a client may not.
pub(crate) fn strip_forwarding(headers: &mut HeaderMap) {
    remove_where(headers, |name| name.as_str().starts_with("x-forwarded-") || name.as_str() == "forwarded");
}

fn connection_listed(headers: &HeaderMap) -> Option<Vec<String>> {
    let value = headers.get(CONNECTION)?.to_str().ok()?;
    if value.eq_ignore_ascii_case("keep-alive") || value.eq_ignore_ascii_case("close") {
        return None;
    }
    Some(
        value
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect(),
    )
}
