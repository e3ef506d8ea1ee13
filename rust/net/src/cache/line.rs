//! An entry as a line of text, so that answers can be carried from one gateway to another.

use std::borrow::Cow;

use ferrogate_core::cache::key::{Form, Key, Scope};
use ferrogate_core::cache::store::{Entry, Listed, Question, Shape};
use ferrogate_core::dialects::Usage;
use serde::{Deserialize, Serialize};

const FORMS: [(Form, &str); 6] = [
    (Form::Chat, "chat"),
    (Form::Messages, "messages"),
    (Form::Responses, "responses"),
    (Form::Completions, "completions"),
    (Form::Embeddings, "embeddings"),
    (Form::Moderations, "moderations"),
];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    key: String,
    tenant: Cow<'a, str>,
    route: Cow<'a, str>,
    model: Cow<'a, str>,
    provider: Cow<'a, str>,
    form: Cow<'a, str>,
    /// Whether the body is a stream's events.
    events: bool,
    status: u16,
    content_type: Cow<'a, str>,
    finish: Option<Cow<'a, str>>,
    /// Tokens of the prompt, of the answer, and of the prompt's cached part.
    usage: Option<[u64; 3]>,
    preview: Cow<'a, str>,
    ttl_ms: u64,
    stored_at_ms: u64,
    question: Option<Asked<'a>>,
    body: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    scope: String,
    text: Cow<'a, str>,
}

/// The line of an entry, without its end; None where the body is no text, which no answer of an API is.
pub(crate) fn write(listed: &Listed) -> Option<Vec<u8>> {
    let entry = &*listed.entry;
    let form = FORMS.iter().find(|(form, _)| *form == entry.form)?.1;
    let line = Line {
        key: listed.key.to_string(),
        tenant: Cow::Borrowed(&entry.tenant),
        route: Cow::Borrowed(&entry.route),
        model: Cow::Borrowed(&entry.model),
        provider: Cow::Borrowed(&entry.provider),
        form: Cow::Borrowed(form),
        events: entry.shape == Shape::Events,
        status: entry.status,
        content_type: Cow::Borrowed(&entry.content_type),
        finish: entry.finish.as_deref().map(Cow::Borrowed),
        usage: entry.usage.map(|usage| [usage.input, usage.output, usage.cached]),
        preview: Cow::Borrowed(&entry.preview),
        ttl_ms: entry.ttl,
        stored_at_ms: listed.stored_at,
        question: entry
            .question
            .as_ref()
            .map(|question| Asked { scope: question.scope.to_string(), text: Cow::Borrowed(&question.text) }),
        body: Cow::Borrowed(std::str::from_utf8(&entry.body).ok()?),
    };
    serde_json::to_vec(&line).ok()
}

/// What a line holds: the key, the entry, and when it was stored. The text says why it is refused; answers that are past
/// their TTL at `now`, or stored after it, are.
pub(crate) fn read(line: &[u8], now: u64) -> Result<(Key, Entry, u64), String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| format!("not an entry: {error}"))?;
    let key = Key::parse(&line.key).ok_or("key: not 64 hexadecimal digits")?;
    let form = FORMS.iter().find(|(_, name)| *name == line.form).ok_or("form: not known")?.0;
    if line.status != 200 {
        return Err("status: only successes are kept".to_owned());
    }
    if line.stored_at_ms > now {
        return Err("stored_at_ms: in the future".to_owned());
    }
    if now - line.stored_at_ms >= line.ttl_ms {
        return Err("older than its TTL".to_owned());
    }
    let question = match line.question {
        Some(asked) => Some(Question {
            scope: Scope::parse(&asked.scope).ok_or("question.scope: not 64 hexadecimal digits")?,
            text: asked.text.into(),
        }),
        None => None,
    };
    let entry = Entry {
        tenant: line.tenant.into(),
        form,
        shape: if line.events { Shape::Events } else { Shape::Whole },
        body: line.body.into_owned().into(),
        status: line.status,
        content_type: line.content_type.into(),
        model: line.model.into(),
        provider: line.provider.into(),
        finish: line.finish.map(Into::into),
        usage: line.usage.map(|[input, output, cached]| Usage { input, output, cached }),
        route: line.route.into(),
        preview: line.preview.into(),
        ttl: line.ttl_ms,
        question,
    };
    Ok((key, entry, line.stored_at_ms))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn listed() -> Listed {
        let entry = Entry {
            tenant: "team \"a\"".into(),
            form: Form::Messages,
            shape: Shape::Whole,
            body: "{\"text\": \"caf\u{e9}\\n\"}".into(),
            status: 200,
            content_type: "application/json".into(),
            model: "m".into(),
            provider: "p".into(),
            finish: Some("stop".into()),
            usage: Some(Usage { input: 3, output: 2, cached: 1 }),
            route: "faq".into(),
            preview: "How".into(),
            ttl: 1_000,
            question: Some(Question { scope: Scope::from_bytes([7; 32]), text: "How?".into() }),
        };
        Listed { key: Key::from_bytes([9; 32]), entry: Arc::new(entry), stored_at: 500, hits: 4 }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let line = write(&listed()).unwrap();
        assert!(!line.contains(&b'\n'));
        let (key, entry, stored_at) = read(&line, 1_499).unwrap();
        assert_eq!((key, stored_at), (listed().key, 500));
        assert_eq!(format!("{entry:?}"), format!("{:?}", listed().entry));
    }

    #[test]
    fn what_is_too_old_or_not_yet_is_refused() {
        let line = write(&listed()).unwrap();
        assert_eq!(read(&line, 1_500).unwrap_err(), "older than its TTL");
        assert_eq!(read(&line, 499).unwrap_err(), "stored_at_ms: in the future");
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        let text = String::from_utf8(write(&listed()).unwrap()).unwrap();
        for (from, to, why) in [
            ("\"messages\"", "\"song\"", "form"),
            ("\"status\":200", "\"status\":500", "status"),
            ("\"key\":\"", "\"key\":\"x", "key"),
            ("\"scope\":\"", "\"scope\":\"x", "question.scope"),
            ("\"tenant\"", "\"owner\"", "not an entry"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            assert!(read(changed.as_bytes(), 1_000).unwrap_err().starts_with(why), "{why}");
        }
    }
}
