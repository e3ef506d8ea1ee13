//! Which headers pass, up and down.

use ferrogate_core::snapshot::{Key, Provider, Target};
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE,
    TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
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

/// What an answer says about the origin that it comes from. The client's origin is the gateway, which speaks for
/// itself: another one's word must not reach its cookies, pages, alternatives or the origins that it lets in.
const OF_THE_ORIGIN: [&str; 8] = [
    "alt-svc",
    "clear-site-data",
    "nel",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie2",
    "strict-transport-security",
];

/// What `Connection` may list and nobody takes away: the checks behind read it.
const END_TO_END: [&str; 5] = ["authorization", "content-length", "content-type", "host", "origin"];

/// The headers for one attempt: the client's but for what is the gateway's or its own, and the provider's.
pub(super) fn up(
    client: &HeaderMap,
    added: Option<&HeaderMap>,
    provider: &Provider,
    key: &Key,
    reads_answer: bool,
) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(client.len() + 4);
    let listed = connection_listed(client);
    for (name, value) in client {
        let is_listed =
            listed.as_ref().is_some_and(|listed| listed.iter().any(|other| other == name.as_str()));
        if !is_listed && passes_up(name, provider, reads_answer) {
            out.append(name, value.clone());
        }
    }
    for (name, value) in added.into_iter().flatten() {
        if passes_up(name, provider, reads_answer) {
            out.insert(name, value.clone());
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

/// Whether a hook may set this header: those of the connection, of the body's framing and the gateway's own are not its.
pub(super) fn may_be_added(name: &HeaderName) -> bool {
    let text = name.as_str();
    !(HOP_BY_HOP.contains(&text)
        || text.starts_with("x-gateway-")
        || matches!(text, "content-length" | "content-encoding" | "content-type" | "host" | "date"))
}

/// Removes from an answer of `target` what is not for the client.
pub(super) fn down(headers: &mut HeaderMap, target: &Target) {
    if headers.contains_key(TRANSFER_ENCODING) {
        // It says how the body was framed, and a length beside it says something else.
        headers.remove(CONTENT_LENGTH);
    }
    if headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some()
        && let Some(length) = headers.get(CONTENT_LENGTH).cloned()
    {
        // The parser lets equal ones pass.
        headers.insert(CONTENT_LENGTH, length);
    }
    for name in [LOCATION, CONTENT_LOCATION] {
        if headers.get(&name).is_some_and(|value| leads_to(value, target)) {
            headers.remove(name);
        }
    }
    strip_hop_by_hop(headers);
    remove_where(headers, |name| {
        let text = name.as_str();
        *name == SET_COOKIE
            || OF_THE_ORIGIN.contains(&text)
            || text.starts_with("x-gateway-")
            || text.starts_with("access-control-")
    });
    if !headers.get(CONTENT_TYPE).is_some_and(|value| is_no_page(value.as_bytes())) {
        // A browser that is led here must not run it as a page of the gateway's, beside the dashboard.
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; frame-ancestors 'none'"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
}

/// Whether no browser shows it as a page: what inference answers with.
fn is_no_page(content_type: &[u8]) -> bool {
    content_type.starts_with(b"application/json") || content_type.starts_with(b"text/event-stream")
}

/// Whether an address is the provider's own: the client knows the gateway's, and is not told what lies behind.
fn leads_to(address: &HeaderValue, target: &Target) -> bool {
    let Ok(address) = address.to_str() else { return true };
    let Some((_, rest)) = address.split_once("//") else { return false };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.trim_end_matches('.').eq_ignore_ascii_case(&target.host)
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
        if !END_TO_END.contains(&&*name) {
            headers.remove(name);
        }
    }
    remove_where(headers, |name| HOP_BY_HOP.contains(&name.as_str()));
}

/// Removes what only a proxy in front may say, and a client may not.
pub(crate) fn strip_forwarding(headers: &mut HeaderMap) {
    remove_where(headers, |name| name.as_str().starts_with("x-forwarded-") || name.as_str() == "forwarded");
}

fn connection_listed(headers: &HeaderMap) -> Option<Vec<String>> {
    let plain = |value: &HeaderValue| {
        value.as_bytes().eq_ignore_ascii_case(b"keep-alive")
            || value.as_bytes().eq_ignore_ascii_case(b"close")
    };
    let values = headers.get_all(CONNECTION);
    if values.iter().all(plain) {
        return None;
    }
    let texts = values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    Some(
        texts
            .flat_map(|text| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>())
            .collect(),
    )
}
