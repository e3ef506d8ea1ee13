//! Which requests are the same.
//!
//! A [`Key`] is the blake3 hash of a canonical form of the request: tenant, kind of request, model as asked, and every
//! member of the body that can change the answer. A [`Scope`] is the same without the text of the last user message:
//! two requests of one scope differ in that text alone.
//!
//! The canonical form is made from the JSON text and not from [`crate::conversation`]. The model there says what dialects
//! share; it takes null for absent, leaves out defaults, and drops what it has no place for, and each of these would let
//! two requests that a provider answers differently share an entry. Here a member that nobody knows is part of the
//! key like any other. Anthropic's Messages are folded into the shape of chat completions where the two say the same in
//! other words (system, stop sequences, functions, the choice of one); all else keeps its own shape, which no
//! request of the other dialect has.
//!
//! What makes no difference: the order of members, white space, escapes, the spelling of a number (`1`, `1.0`, `1e0`;
//! never rounded), a text or a list of one text part, `stop` as one string or as a list of one, and the members of
//! [`LEFT_OUT`]. Absent, null, and an explicit default are three different things: defaults differ by provider.

mod canon;
mod digest;
mod fold;
mod form;
mod number;
mod text;
mod turns;
mod walk;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use canon::Canon;
pub use digest::{Key, Scope};
pub use form::Form;

use crate::json::{self, Span};

/// Members that cannot change what is answered: how the answer comes, whose request it is, which capacity and which
/// prompt cache at the provider serve it, and labels of its log. (`store` and `background` have effects there: where they
/// are true, nothing is cached.)
pub const LEFT_OUT: [&str; 10] = [
    "background",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "user",
];

/// Members that no rule may leave out.
const ESSENTIAL: [&str; 7] = ["input", "instructions", "messages", "model", "prompt", "system", "tools"];

/// Which members do not count, beside [`LEFT_OUT`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Vec<Box<str>>);

impl Rules {
    /// Leaves out top-level members by name: `temperature`, `seed`. Err is a name that must count.
    pub fn ignoring<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'static str> {
        let mut ignored = Vec::new();
        for name in names {
            if let Some(essential) = ESSENTIAL.iter().find(|essential| **essential == name) {
                return Err(essential);
            }
            ignored.push(name.into());
        }
        Ok(Self(ignored))
    }

    fn leave_out(&self, name: &str) -> bool {
        LEFT_OUT.contains(&name) || self.0.iter().any(|ignored| **ignored == *name)
    }
}

/// Why a request is not cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncacheable {
    /// The body is not a JSON object of its form.
    Shape,
    /// A member stands twice in an object; parsers disagree about which one counts.
    Duplicate,
    /// A number's exponent has more than 18 digits.
    Number,
    /// The provider is asked to keep the answer (`store`, which is true by default for responses).
    Stored,
    /// The answer is to be computed later (`background`).
    Background,
    /// The request continues a conversation that the provider holds and that goes on changing.
    Conversation,
}

impl Uncacheable {
    /// The name in headers and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Duplicate => "duplicate_key",
            Self::Number => "number",
            Self::Stored => "store",
            Self::Background => "background",
            Self::Conversation => "conversation",
        }
    }
}

/// Whose request it is, and what else the body does not say.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Whose entries may answer it.
    pub tenant: &'a str,
    /// The shape of the body.
    pub form: Form,
    /// What beside the body can change the answer, in an order of the caller's: values of headers that turn on what is not
    /// there by default (`anthropic-beta`), where the route leads, where it leads elsewhere by client.
    pub beside: &'a [&'a str],
}

/// What a request is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// For equal requests.
    pub key: Key,
    /// For requests that differ in `text` alone.
    pub scope: Scope,
    /// The last user message, where it is the last message and holds nothing but text; several text parts are joined by
    /// line feeds. None: equal requests only.
    pub text: Option<String>,
}

/// Makes keys; keeps its buffers from one request to the next.
#[derive(Debug, Default)]
pub struct Reader {
    canon: Canon,
}

/// A buffer beyond this is given back.
const KEPT: usize = 1 << 20;

impl Reader {
    /// The key of a request. `body`: as the client sent it.
    pub fn read(&mut self, body: &[u8], caller: &Caller<'_>, rules: &Rules) -> Result<Keyed, Uncacheable> {
        let form = caller.form;
        self.canon.clear(KEPT);
        let members = members(body, form)?;
        effects(body, &members, form)?;
        let canon = &mut self.canon;
        canon.plain("ferrogate 1");
        canon.plain(caller.tenant);
        canon.plain(form.name());
        canon.out.push(b'[');
        caller.beside.iter().for_each(|text| canon.plain(text));
        canon.out.extend_from_slice(b"]{");
        let mut system = None;
        let mut subject = None;
        for (name, value) in &members {
            match name.as_ref() {
                name if name == form.subject() => subject = Some(value.start),
                "system" if form == Form::Messages => system = Some(value.start),
                name if rules.leave_out(name) => {}
                name => {
                    canon.plain(name);
                    fold::member(canon, body, value.start, name, form)?;
                }
            }
        }
        let subject = subject.ok_or(Uncacheable::Shape)?;
        canon.out.push(b'}');
        let hole = if form.has_turns() {
            turns::write(canon, body, system, subject)?
        } else {
            let start = canon.out.len();
            canon.value(body, subject)?;
            turns::Hole { start, end: canon.out.len(), text: None, parts: 0 }
        };
        Ok(hashed(&canon.out, hole))
    }
}

/// The top-level members by name, in the order of their names.
fn members(body: &[u8], form: Form) -> Result<Vec<(Cow<'_, str>, Span)>, Uncacheable> {
    let mut members = Vec::with_capacity(16);
    let mut whole = true;
    let scanned = json::scan_object(body, |member| match json::unescape(member.key.of(body)) {
        Some(name) => members.push((renamed(name, form), member.value)),
        None => whole = false,
    });
    if scanned.is_err() || !whole {
        return Err(Uncacheable::Shape);
    }
    members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Uncacheable::Duplicate);
    }
    Ok(members)
}

/// Anthropic's names for what OpenAI has another name for.
fn renamed(name: Cow<'_, str>, form: Form) -> Cow<'_, str> {
    if form == Form::Messages && name == "stop_sequences" { Cow::Borrowed("stop") } else { name }
}

/// Refuses requests that do more than ask.
fn effects(body: &[u8], members: &[(Cow<'_, str>, Span)], form: Form) -> Result<(), Uncacheable> {
    let value = |name: &str| {
        members.iter().find(|(key, _)| key == name).map_or(b"null".as_slice(), |(_, value)| value.of(body))
    };
    let stored = match value("store") {
        b"false" => false,
        b"null" => form == Form::Responses,
        _ => true,
    };
    if stored {
        return Err(Uncacheable::Stored);
    }
    if !matches!(value("background"), b"false" | b"null") {
        return Err(Uncacheable::Background);
    }
    if value("conversation") != b"null" {
        return Err(Uncacheable::Conversation);
    }
    Ok(())
}

/// Hashes the form around the hole, then that with what stands in it.
fn hashed(out: &[u8], hole: turns::Hole) -> Keyed {
    let mut around = blake3::Hasher::new();
    around.update(&out[..hole.start]);
    around.update(b"_");
    around.update(&hole.parts.to_le_bytes());
    around.update(&out[hole.end..]);
    let scope = around.finalize();
    let mut all = blake3::Hasher::new();
    all.update(scope.as_bytes());
    all.update(&out[hole.start..hole.end]);
    Keyed { key: Key(*all.finalize().as_bytes()), scope: Scope(*scope.as_bytes()), text: hole.text }
}
