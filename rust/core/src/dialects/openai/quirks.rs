//! What one provider understands differently: members of a chat completion that have another name there, that it
//! refuses, or that it asks for.
//!
//! The body is changed where these members stand and nowhere else: values keep their bytes, and so do white space, order
//! and every other member. A body that holds none of them is left alone.

use crate::json::{self, Member, Span};

/// One provider's quirks. `ferrogate/providers/base.py` says what each is; `tests/golden/quirks.json` holds what both
/// engines make of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// OpenAI's name, and the provider's.
    rename: Vec<(Box<str>, Box<str>)>,
    unsupported: Vec<Box<str>>,
    /// A name and the JSON that is added where the client gave none.
    required: Vec<(Box<str>, Box<str>)>,
}

/// A body as the provider takes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The bytes.
    pub body: Vec<u8>,
    /// Members that were left out, by OpenAI's names.
    pub dropped: Vec<Box<str>>,
}

/// Members that the gateway reads or writes itself.
const OWN: [&str; 3] = ["model", "stream", "messages"];

/// What becomes of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate<'a> {
    Stays,
    Renamed(&'a str),
    Goes,
}

impl Quirks {
    /// Checks the parts; None where there are none. The values of `required` are JSON.
    ///
    /// # Errors
    /// A sentence about a name that is the gateway's own.
    pub fn new(
        rename: impl IntoIterator<Item = (String, String)>,
        unsupported: impl IntoIterator<Item = String>,
        required: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Option<Self>, String> {
        let pair = |(name, value): (String, String)| (name.into(), value.into());
        let quirks = Self {
            rename: rename.into_iter().map(pair).collect(),
            unsupported: unsupported.into_iter().map(Into::into).collect(),
            required: required.into_iter().map(pair).collect(),
        };
        let renamed = quirks.rename.iter().flat_map(|(from, to)| [from, to]);
        let required = quirks.required.iter().map(|(name, _)| name);
        for name in renamed.chain(&quirks.unsupported).chain(required) {
            if OWN.contains(&&**name) {
                return Err(format!("`{name}` is the gateway's own"));
            }
        }
        Ok((quirks != Self::default()).then_some(quirks))
    }

    /// The body for this provider, with the value at `model`'s span replaced on the way; None where nothing but the model
    /// would change. `body` was read before: one that is no object is left alone.
    pub fn fit(&self, body: &[u8], model: Option<(Span, &str)>) -> Option<Fitted> {
        let mut members = Vec::new();
        json::scan_object(body, |member| members.push(member)).ok()?;
        let all = Members { body, members: &members };
        let mut dropped = Vec::new();
        let fates: Vec<_> = members.iter().map(|member| self.fate(member, &all, &mut dropped)).collect();
        let given = |name: &str| {
            members.iter().zip(&fates).any(|(member, fate)| match *fate {
                Fate::Stays => all.is_named(member, name),
                Fate::Renamed(to) => to == name,
                Fate::Goes => false,
            })
        };
        let missing: Vec<_> = self.required.iter().filter(|(name, _)| !given(name)).collect();
        if missing.is_empty() && fates.iter().all(|fate| *fate == Fate::Stays) {
            return None;
        }
        Some(Fitted { body: write(&all, &fates, &missing, model)?, dropped })
    }

    fn fate<'a>(&'a self, member: &Member, all: &Members<'_>, dropped: &mut Vec<Box<str>>) -> Fate<'a> {
        let mut goes = |name: &str| {
            // A null says nothing, so nothing is lost with it.
            if !all.is_null(member) && dropped.iter().all(|known| **known != *name) {
                dropped.push(name.into());
            }
            Fate::Goes
        };
        if let Some((from, to)) = self.rename.iter().find(|(from, _)| all.is_named(member, from)) {
            return if all.says(to) { goes(from) } else { Fate::Renamed(to) };
        }
        if let Some(name) = self.unsupported.iter().find(|name| all.is_named(member, name)) {
            return goes(name);
        }
        // A null in the provider's own spelling would stand beside the member that gets that name.
        let taken = self.rename.iter().any(|(from, to)| all.is_named(member, to) && all.says(from));
        if taken && all.is_null(member) { Fate::Goes } else { Fate::Stays }
    }
}

struct Members<'a> {
    body: &'a [u8],
    members: &'a [Member],
}

impl Members<'_> {
    fn is_named(&self, member: &Member, name: &str) -> bool {
        json::key_equals(member.key.of(self.body), name)
    }

    fn is_null(&self, member: &Member) -> bool {
        member.value.of(self.body) == b"null"
    }

    /// Whether a member of that name says something.
    fn says(&self, name: &str) -> bool {
        self.members.iter().any(|member| self.is_named(member, name) && !self.is_null(member))
    }
}

fn write(
    all: &Members<'_>,
    fates: &[Fate<'_>],
    missing: &[&(Box<str>, Box<str>)],
    model: Option<(Span, &str)>,
) -> Option<Vec<u8>> {
    let Members { body, members } = *all;
    let last_kept = fates.iter().rposition(|fate| *fate != Fate::Goes);
    let added: usize = missing.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut out = Vec::with_capacity(body.len() + added + 64);
    // What of the body is written already.
    let mut done = body.iter().position(|byte| *byte == b'{')? + 1;
    out.extend_from_slice(&body[..done]);
    for (at, (name, value)) in missing.iter().enumerate() {
        json::escape_into(&mut out, name);
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
        if at + 1 < missing.len() || last_kept.is_some() {
            out.push(b',');
        }
    }
    for (at, (member, fate)) in members.iter().zip(fates).enumerate() {
        let start = member.key.start - 1;
        match fate {
            Fate::Goes if last_kept.is_some_and(|last| at < last) => {
                out.extend_from_slice(&body[done..start]);
                done = members.get(at + 1)?.key.start - 1;
            }
            Fate::Goes => {
                // It and all behind it go, with the comma before it.
                let end = last_kept.map_or(start, |last| members[last].value.end);
                out.extend_from_slice(&body[done..end]);
                done = members.last()?.value.end;
                break;
            }
            Fate::Renamed(to) => {
                out.extend_from_slice(&body[done..start]);
                json::escape_into(&mut out, to);
                done = member.key.end + 1;
            }
            Fate::Stays => {}
        }
        if let Some((_, model)) = model.filter(|(span, _)| *span == member.value) {
            out.extend_from_slice(&body[done..member.value.start]);
            json::escape_into(&mut out, model);
            done = member.value.end;
        }
    }
    out.extend_from_slice(&body[done..]);
    Some(out)
}

#[cfg(test)]
#[path = "quirks_tests.rs"]
mod tests;
