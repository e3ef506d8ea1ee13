//! Values that grow while pieces of them come.

use super::{Unjoined, inner, items, members};
use crate::json::escape_into;

/// A value of which pieces have come.
#[derive(Debug)]
enum Value {
    /// Not joined: what was said last.
    Raw(Box<str>),
    /// Between quotes, escapes as they came.
    Text(String),
    /// One behind the other.
    List(Vec<Box<str>>),
    /// By their `index`, which is no part of them.
    Indexed(Vec<(u64, Object)>),
    Object(Object),
}

/// An object of which pieces have come, members in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Object(Vec<(Box<str>, Value)>);

/// Texts that are said whole, and by some servers again with every piece.
const SAID_ONCE: [&str; 4] = ["id", "name", "role", "type"];

/// The list whose items come in pieces.
const INDEXED: &str = "tool_calls";

impl Object {
    /// Joins the members of an object.
    pub(super) fn join(&mut self, raw: &str) -> Result<(), Unjoined> {
        for (key, value) in members(raw).ok_or(Unjoined::Broken)? {
            self.add(&key, value)?;
        }
        Ok(())
    }

    /// Joins a member.
    pub(super) fn add(&mut self, key: &str, raw: &str) -> Result<(), Unjoined> {
        if key == "thinking_blocks" && !matches!(raw, "null" | "[]") {
            // Their texts come as `reasoning_content`, their signatures alone.
            return Err(Unjoined::Unknown);
        }
        let Some((_, value)) = self.0.iter_mut().find(|(name, _)| **name == *key) else {
            self.0.push((key.into(), Value::first(key, raw)?));
            return Ok(());
        };
        value.join(key, raw)
    }

    /// Takes what was said last in the place of what was said before.
    pub(super) fn set(&mut self, key: &str, raw: &str) {
        let value = Value::Raw(raw.into());
        match self.0.iter_mut().find(|(name, _)| **name == *key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.into(), value)),
        }
    }

    /// Takes the members of another one, which has others.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether a member is there, be it null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| **name == *key)
    }

    /// Whether a member says nothing: it is absent, null, or an empty text.
    pub(super) fn is_silent(&self, key: &str) -> bool {
        self.0.iter().find(|(name, _)| **name == *key).is_none_or(|(_, value)| match value {
            Value::Raw(raw) => **raw == *"null",
            Value::Text(text) => text.is_empty(),
            _ => false,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (key, value)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            escape_into(out, key);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }
}

impl Value {
    fn first(key: &str, raw: &str) -> Result<Self, Unjoined> {
        if let Some(text) = inner(raw) {
            return Ok(Self::Text(text.to_owned()));
        }
        if raw.starts_with('{') {
            let mut object = Object::default();
            object.join(raw)?;
            return Ok(Self::Object(object));
        }
        if !raw.starts_with('[') {
            return Ok(Self::Raw(raw.into()));
        }
        let items = items(raw).ok_or(Unjoined::Broken)?;
        if key == INDEXED && items.first().is_some_and(|item| index(item).is_some()) {
            let mut value = Self::Indexed(Vec::new());
            value.append(&items)?;
            return Ok(value);
        }
        Ok(Self::List(items.into_iter().map(Into::into).collect()))
    }

    fn join(&mut self, key: &str, raw: &str) -> Result<(), Unjoined> {
        if raw == "null" {
            return Ok(());
        }
        match self {
            Self::Raw(_) => *self = Self::first(key, raw)?,
            Self::Text(text) => {
                let more = inner(raw).ok_or(Unjoined::Unknown)?;
                if !SAID_ONCE.contains(&key) || text.is_empty() {
                    text.push_str(more);
                }
            }
            Self::Object(object) => object.join(raw)?,
            Self::List(list) if list.is_empty() => *self = Self::first(key, raw)?,
            Self::List(_) | Self::Indexed(_) => self.append(&items(raw).ok_or(Unjoined::Unknown)?)?,
        }
        Ok(())
    }

    fn append(&mut self, items: &[&str]) -> Result<(), Unjoined> {
        match self {
            Self::List(list) => list.extend(items.iter().map(|&item| item.into())),
            Self::Indexed(list) => {
                for item in items {
                    let number = index(item).ok_or(Unjoined::Unknown)?;
                    let at = list.iter().position(|(other, _)| *other == number);
                    let at = at.unwrap_or_else(|| {
                        list.push((number, Object::default()));
                        list.len() - 1
                    });
                    for (key, value) in members(item).ok_or(Unjoined::Broken)? {
                        if key != "index" {
                            list[at].1.add(&key, value)?;
                        }
                    }
                }
            }
            _ => return Err(Unjoined::Unknown),
        }
        Ok(())
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(raw) => out.extend_from_slice(raw.as_bytes()),
            Self::Text(text) => {
                out.push(b'"');
                out.extend_from_slice(text.as_bytes());
                out.push(b'"');
            }
            Self::Object(object) => object.write(out),
            Self::List(list) => bracketed(out, list, |out, item| out.extend_from_slice(item.as_bytes())),
            Self::Indexed(list) => {
                let mut ordered: Vec<_> = list.iter().collect();
                ordered.sort_by_key(|(number, _)| *number);
                bracketed(out, &ordered, |out, (_, object)| object.write(out));
            }
        }
    }
}

fn bracketed<T>(out: &mut Vec<u8>, list: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (at, item) in list.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// The `index` of an item that is an object.
fn index(item: &str) -> Option<u64> {
    super::member(&members(item)?, "index")?.parse().ok()
}
