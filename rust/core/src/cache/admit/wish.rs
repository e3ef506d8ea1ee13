//! What a client wishes, from its headers.

/// The header `x-gateway-cache` of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Neither looked up nor stored.
    Off,
    /// Equal requests alone.
    Exact,
    /// Requests that mean the same, too.
    Semantic,
    /// Not looked up, but stored, in the place of what was there.
    Refresh,
}

impl Wish {
    /// Reads the header's value; None where it is none of these words.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        [("off", Self::Off), ("exact", Self::Exact), ("semantic", Self::Semantic), ("refresh", Self::Refresh)]
            .into_iter()
            .find_map(|(word, wish)| value.eq_ignore_ascii_case(word.as_bytes()).then_some(wish))
    }
}

/// What counts of a request's `Cache-Control` (RFC 9111, 5.2.1). Other directives say nothing to this cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// The answer is not stored, and none is taken from the store: who asks for this wants no part in it.
    pub no_store: bool,
    /// No answer is taken from the store; the new one is stored.
    pub no_cache: bool,
    /// No answer of this age in seconds or more is taken; the lowest, where there are several.
    pub max_age: Option<u64>,
}

impl CacheControl {
    /// Reads one value of the header, which may be there several times: what was read before still counts.
    #[must_use]
    pub fn and(mut self, value: &[u8]) -> Self {
        for directive in directives(value) {
            let (name, argument) = match directive.iter().position(|&byte| byte == b'=') {
                Some(at) => (directive[..at].trim_ascii(), Some(directive[at + 1..].trim_ascii())),
                None => (directive, None),
            };
            if name.eq_ignore_ascii_case(b"no-store") {
                self.no_store = true;
            } else if name.eq_ignore_ascii_case(b"no-cache") {
                self.no_cache = true;
            } else if name.eq_ignore_ascii_case(b"max-age") {
                let seconds = seconds(argument.unwrap_or_default());
                self.max_age = Some(self.max_age.map_or(seconds, |other| other.min(seconds)));
            }
        }
        self
    }
}

/// The parts between commas that are not quoted.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let parts = value.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    });
    parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty())
}

/// A number of seconds, quoted or not. One that cannot be read is 0, which asks for a new answer; one too large for
/// the type is the largest.
fn seconds(argument: &[u8]) -> u64 {
    let digits = argument.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(argument);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    digits
        .iter()
        .fold(0, |seconds: u64, digit| seconds.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

/// What may be done for a request, after the route's settings and the client's wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Whether equal requests are looked up.
    pub exact: bool,
    /// Whether requests that mean the same are looked up.
    pub semantic: bool,
    /// Whether the answer is stored.
    pub store: bool,
    /// The greatest age in milliseconds of an answer that is taken, for [`super::super::store::Store::get_within`].
    pub max_age: u64,
}

impl Ask {
    /// Nothing is looked up and nothing stored.
    pub const OFF: Self = Self { exact: false, semantic: false, store: false, max_age: 0 };

    /// `exact`, `semantic`: what the route has turned on. A client can have less of it and never more.
    pub fn of(exact: bool, semantic: bool, wish: Option<Wish>, control: CacheControl) -> Self {
        if !(exact || semantic) || wish == Some(Wish::Off) || control.no_store {
            return Self::OFF;
        }
        let look = wish != Some(Wish::Refresh) && !control.no_cache && control.max_age != Some(0);
        Self {
            exact: exact && look,
            semantic: semantic && look && wish != Some(Wish::Exact),
            store: true,
            max_age: control.max_age.map_or(u64::MAX, |seconds| seconds.saturating_mul(1000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(values: &[&str]) -> CacheControl {
        values.iter().fold(CacheControl::default(), |control, value| control.and(value.as_bytes()))
    }

    #[test]
    fn cache_control_is_read() {
        let age = |value: &str| control(&[value]).max_age;
        assert_eq!(
            control(&["No-Store, foo=\"a, no-cache\""]),
            CacheControl { no_store: true, ..CacheControl::default() }
        );
        assert_eq!(
            control(&["max-age=60", "no-cache , MAX-AGE = \"5\""]),
            CacheControl { no_store: false, no_cache: true, max_age: Some(5) }
        );
        assert_eq!(age("max-age=0"), Some(0));
        for unreadable in ["max-age", "max-age=", "max-age=-1", "max-age=x", "max-age=1.5"] {
            assert_eq!(age(unreadable), Some(0), "{unreadable}");
        }
        assert_eq!(age("max-age=99999999999999999999999"), Some(u64::MAX));
        assert_eq!(control(&["", "private, max-stale=5, s-maxage=1"]), CacheControl::default());
    }

    #[test]
    fn wishes_are_read() {
        assert_eq!(Wish::parse(b" Exact "), Some(Wish::Exact));
        assert_eq!(Wish::parse(b"refresh"), Some(Wish::Refresh));
        assert_eq!(Wish::parse(b"on"), None);
    }

    #[test]
    fn a_client_can_have_less_and_never_more() {
        let ask = |wish, value: &str| {
            let ask = Ask::of(true, true, wish, control(&[value]));
            (ask.exact, ask.semantic, ask.store)
        };
        assert_eq!(ask(None, ""), (true, true, true));
        assert_eq!(ask(Some(Wish::Semantic), ""), (true, true, true));
        assert_eq!(ask(Some(Wish::Exact), ""), (true, false, true));
        assert_eq!(ask(Some(Wish::Refresh), ""), (false, false, true));
        assert_eq!(ask(Some(Wish::Off), ""), (false, false, false));
        assert_eq!(ask(None, "no-store"), (false, false, false));
        assert_eq!(ask(None, "no-cache"), (false, false, true));
        assert_eq!(ask(None, "max-age=0"), (false, false, true));
        assert_eq!(Ask::of(true, true, None, control(&["max-age=2"])).max_age, 2000);
        for wish in [None, Some(Wish::Exact), Some(Wish::Semantic), Some(Wish::Refresh)] {
            assert_eq!(Ask::of(false, false, wish, CacheControl::default()), Ask::OFF);
            assert!(!Ask::of(true, false, wish, CacheControl::default()).semantic);
            assert!(!Ask::of(false, true, wish, CacheControl::default()).exact);
        }
    }
}
