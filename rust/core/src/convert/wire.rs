//! Reading objects so that nothing in them is overlooked: what a reader does not take is left over, and named.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Dropped, Refusal};
use crate::conversation::{Number, Text};

/// A JSON object whose values are not looked into yet.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a str)>);

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value::<&'de RawValue>()?.get()));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl<'a> Object<'a> {
    /// Reads one; None where `raw` is anything else.
    pub(super) fn read(raw: &'a str) -> Option<Self> {
        serde_json::from_str(raw).ok()
    }

    /// Takes a member out. Null is as good as absent. Where a key stands twice the last counts, as everywhere in JSON,
    /// and the other is left over.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.0.iter().rposition(|(key, _)| key == name)?;
        let (_, value) = self.0.remove(at);
        (value != "null").then_some(value)
    }

    /// Takes a text out; None where it is absent or no string, in which case it is left over.
    pub(super) fn text(&mut self, name: &str) -> Option<Text<'a>> {
        self.typed(name, Text::wire)
    }

    /// Takes a number out, or leaves it over.
    pub(super) fn number(&mut self, name: &str) -> Option<Number<'a>> {
        self.typed(name, Number::wire)
    }

    /// Takes a boolean out, or leaves it over.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.typed(name, |raw| match raw {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    /// Takes an object out, or leaves it over.
    pub(super) fn object(&mut self, name: &str) -> Option<Object<'a>> {
        self.typed(name, Object::read)
    }

    /// Takes a list of objects out, or leaves it over.
    pub(super) fn objects(&mut self, name: &str) -> Option<Vec<Object<'a>>> {
        self.typed(name, |raw| serde_json::from_str(raw).ok())
    }

    /// Takes a list of texts out, or leaves it over.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<Text<'a>>> {
        self.typed(name, |raw| {
            let items: Vec<&'a RawValue> = serde_json::from_str(raw).ok()?;
            items.into_iter().map(|item| Text::wire(item.get())).collect()
        })
    }

    fn typed<T>(&mut self, name: &str, read: impl FnOnce(&'a str) -> Option<T>) -> Option<T> {
        let at = self.0.iter().rposition(|(key, _)| key == name)?;
        let value = read(self.0[at].1)?;
        self.0.remove(at);
        Some(value)
    }

    /// Whether a member is there with a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| key == name && *value != "null")
    }

    /// Names what is left over below `path`, unless it says nothing: null, an empty list, an empty object.
    pub(super) fn drop_rest(self, path: impl Display, dropped: &mut Dropped) {
        for (key, value) in self.0 {
            if !matches!(value, "null" | "[]" | "{}") {
                dropped.push(format!("{path}{key}"));
            }
        }
    }
}

/// The data of a document; it must be UTF-8.
pub(super) fn utf8(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(crate::sse::without_mark(body)).ok()
}

/// Takes a text that must be there.
pub(super) fn required<'a>(object: &mut Object<'a>, path: &str, name: &str) -> Result<Text<'a>, Refusal> {
    object.text(name).ok_or_else(|| Refusal::malformed(format!("{path}{name}"), "must be a string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_is_named() {
        let raw = r#"{"a":"x","b":null,"c":[],"d":7,"e":"no number","a":"y","\u0066":true}"#;
        let mut object = Object::read(raw).unwrap();
        assert_eq!(object.text("a").unwrap().raw(), "\"y\"");
        assert_eq!(object.number("e"), None);
        assert_eq!(object.take("b"), None);
        assert!(object.has("d") && !object.has("b"));
        assert_eq!(object.number("d").unwrap().whole(), Some(7));
        assert_eq!(object.flag("f"), Some(true));
        let mut dropped = Dropped::default();
        object.drop_rest("m[0].", &mut dropped);
        assert_eq!(dropped.names().collect::<Vec<_>>(), ["m[0].a", "m[0].e"]);
        assert!(Object::read("[]").is_none() && Object::read("{").is_none());
    }
}
