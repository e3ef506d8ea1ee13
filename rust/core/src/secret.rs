//! A provider's key, so that an answer which echoes it can be masked.
//!
//! Asterisks take the place of its characters one by one, so a body stays as long as its headers say.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;

/// Anything shorter stands in ordinary text by chance, and keeps nobody out.
const SHORTEST: usize = 8;

/// What the names of credentials hold: `ferrogate/config/secrets.py` masks by the same.
const NAMES: [&str; 8] = ["auth", "key", "token", "secret", "cookie", "password", "credential", "signature"];

/// A key in the forms in which an answer may hold it.
pub struct Secret {
    forms: Vec<Finder<'static>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl Secret {
    /// None for a value that is too short to be told from text.
    pub fn new(value: &str) -> Option<Self> {
        Self::of([value])
    }

    /// Several values that are masked alike; None where all are too short.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut forms = Vec::new();
        for value in values.into_iter().filter(|value| value.len() >= SHORTEST) {
            forms.push(Finder::new(value).into_owned());
            if value.contains('/') {
                // As some writers of JSON have it.
                forms.push(Finder::new(&value.replace('/', "\\/")).into_owned());
            }
        }
        (!forms.is_empty()).then_some(Self { forms })
    }

    /// Whether a header or a parameter of that name holds a credential.
    pub fn is_named(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        NAMES.iter().any(|word| name.contains(word))
    }

    /// The bytes without the key; those that do not hold it come back untouched and uncopied.
    pub fn mask(&self, bytes: Bytes) -> Bytes {
        self.mask_slice(&bytes).unwrap_or(bytes)
    }

    /// A copy without the key; None where the bytes do not hold it.
    pub fn mask_slice(&self, bytes: &[u8]) -> Option<Bytes> {
        if self.forms.iter().all(|form| form.find(bytes).is_none()) {
            return None;
        }
        let mut masked = BytesMut::from(bytes);
        for form in &self.forms {
            let length = form.needle().len();
            let mut from = 0;
            while let Some(at) = form.find(&masked[from..]) {
                masked[from + at..from + at + length].fill(b'*');
                from += at + length;
            }
        }
        Some(masked.freeze())
    }

    /// How many bytes at the end may be the beginning of the key.
    fn begun(&self, bytes: &[u8]) -> usize {
        let begun = |form: &Finder<'_>| {
            let needle = form.needle();
            let from = bytes.len().saturating_sub(needle.len() - 1);
            (from..bytes.len()).find(|&at| needle.starts_with(&bytes[at..])).map_or(0, |at| bytes.len() - at)
        };
        self.forms.iter().map(begun).max().unwrap_or(0)
    }
}

/// Masks a body that comes in pieces: what may be the beginning of the key waits for the next piece.
#[derive(Debug)]
pub struct Mask {
    secret: Arc<Secret>,
    held: Bytes,
}

impl Mask {
    /// Nothing has come yet.
    pub fn new(secret: Arc<Secret>) -> Self {
        Self { secret, held: Bytes::new() }
    }

    /// Takes a piece; gives what may go on, which may be empty.
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        let joined = if self.held.is_empty() { piece } else { [&self.held[..], &piece[..]].concat().into() };
        let mut masked = self.secret.mask(joined);
        self.held = masked.split_off(masked.len() - self.secret.begun(&masked));
        masked
    }

    /// What waited, at the end of the body.
    pub fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-a/b+c0123456789";

    fn whole(text: &str) -> String {
        let masked = Secret::new(KEY).unwrap().mask(Bytes::copy_from_slice(text.as_bytes()));
        String::from_utf8(masked.to_vec()).unwrap()
    }

    #[test]
    fn every_occurrence_goes_and_the_length_stays() {
        let stars = "*".repeat(KEY.len());
        assert_eq!(whole(&format!("{KEY} and {KEY}{KEY}.")), format!("{stars} and {stars}{stars}."));
        assert_eq!(whole(r"bad key sk-a\/b+c0123456789"), format!("bad key {stars}*"));
        assert_eq!(whole("sk-a/b+c012345678"), "sk-a/b+c012345678");
    }

    #[test]
    fn bytes_without_it_are_not_copied() {
        let bytes = Bytes::from_static(b"{\"choices\":[]}");
        let masked = Secret::new(KEY).unwrap().mask(bytes.clone());
        assert_eq!(masked.as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn a_short_value_is_no_secret() {
        assert!(Secret::new("EMPTY").is_none());
    }

    #[test]
    fn it_is_found_however_the_body_is_cut() {
        let body = format!("sk-a sk-a/{KEY}|{KEY} sk-");
        let stars = "*".repeat(KEY.len());
        let expected = format!("sk-a sk-a/{stars}|{stars} sk-");
        for step in 1..body.len() {
            let mut mask = Mask::new(Arc::new(Secret::new(KEY).unwrap()));
            let mut out = Vec::new();
            for piece in body.as_bytes().chunks(step) {
                out.extend_from_slice(&mask.push(Bytes::copy_from_slice(piece)));
            }
            out.extend_from_slice(&mask.finish());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "pieces of {step}");
        }
    }

    #[test]
    fn it_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", Secret::new(KEY).unwrap()).contains("sk-a"));
    }
}
