//! A client's query, as it goes to a provider.

use std::borrow::Cow;

/// Gemini's clients may send their credential as this parameter. It is the client's, so it stays here, as those in
/// headers do; the gateway itself takes none from an address, which every proxy on the way writes down.
const CREDENTIAL: &str = "key";

/// The query without a credential; None where nothing is left.
pub(super) fn up(query: Option<&str>) -> Option<Cow<'_, str>> {
    let query = query?;
    let is_credential = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.contains(['k', '%']) && percent_encoding::percent_decode_str(name).eq(CREDENTIAL.bytes())
    };
    if !query.split('&').any(|pair| is_credential(&pair)) {
        return Some(Cow::Borrowed(query));
    }
    let left: Vec<&str> = query.split('&').filter(|pair| !is_credential(pair)).collect();
    (!left.is_empty()).then(|| Cow::Owned(left.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_stays_and_all_else_passes_as_it_came() {
        assert_eq!(up(None), None);
        assert_eq!(up(Some("key=AIza")), None);
        assert_eq!(up(Some("%6bey=AIza&k%65y=b&key")), None);
        for (query, left) in [
            ("alt=sse&key=AIza&x=%2F&&y", "alt=sse&x=%2F&&y"),
            ("keys=1&Key=2&api-key-id=3", "keys=1&Key=2&api-key-id=3"),
            ("after=a%20b&limit=2", "after=a%20b&limit=2"),
            ("", ""),
        ] {
            assert_eq!(up(Some(query)).as_deref(), Some(left), "{query}");
        }
    }
}
