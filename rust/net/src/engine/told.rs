//! A call that the log tells of, as the entry that it would have left.

use std::borrow::Cow;

use ferrogate_core::cache::admit::{self, Rules as Admitted};
use ferrogate_core::cache::key::{Caller, Form, Key, Reader, Rules};
use ferrogate_core::cache::replay;
use ferrogate_core::cache::store::{Entry, Question, Shape};
use ferrogate_core::dialects::{Dialect, openai, route};
use ferrogate_core::snapshot::{Asked, Snapshot};
use http::StatusCode;
use serde::Deserialize;

use crate::request::{LONGEST_QUESTION, PREVIEW};

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told<'a> {
    tenant: Cow<'a, str>,
    path: Cow<'a, str>,
    /// The body of the request and of the answer, JSON or events.
    request: Cow<'a, str>,
    response: Cow<'a, str>,
    provider: Cow<'a, str>,
    upstream_model: Cow<'a, str>,
    stored_at_ms: u64,
}

impl Told<'_> {
    /// Its key, its entry, and when that was stored, by the settings that its route has now. The text says why it has none.
    pub(super) fn entry(&self, snapshot: &Snapshot, now: u64) -> Result<(Key, Entry, u64), String> {
        let found = route("POST", &self.path).filter(|route| route.dialect == Dialect::OpenAi);
        let operation = found.ok_or("a path whose answers are not kept")?.operation;
        let form = Form::of(Dialect::OpenAi, operation).ok_or("a path whose answers are not kept")?;
        let body = self.request.as_bytes();
        let request = openai::read(body).map_err(|_| "the request is not one of its kind")?;
        let model = request.model_name(body).ok_or("the request names no model")?;
        let own_provider = Dialect::OpenAi.own_provider();
        let asked = Asked { model: &model, own_provider, provider: None, fallbacks: None };
        let lanes = snapshot.route(&asked).map_err(|error| error.message.to_string())?;
        // A pin leads elsewhere, and the log does not say that there was one.
        if !self.provider.is_empty()
            && !lanes.choices.iter().any(|choice| *choice.provider.name == *self.provider)
        {
            return Err("answered by a provider that its route does not lead to".to_owned());
        }
        let caching = lanes.caching.as_ref().ok_or("its route keeps no answers now")?;
        let ttl = u64::try_from(caching.ttl.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(self.stored_at_ms) >= ttl || self.stored_at_ms > now {
            return Err("older than its route's TTL".to_owned());
        }
        let rules = Rules::ignoring(caching.ignore.iter().map(|name| &**name)).unwrap_or_default();
        let caller = Caller { tenant: &self.tenant, form, beside: &["", ""] };
        let keyed = Reader::default()
            .read(body, &caller, &rules)
            .map_err(|reason| format!("not to be kept: {}", reason.name()))?;
        let answer = self.whole(form)?;
        let admitted = Admitted { tool_calls: caching.tool_calls };
        let facts = admit::judge(form, StatusCode::OK.as_u16(), &answer, admitted)
            .map_err(|refused| format!("not to be kept: {}", refused.name()))?;
        let text = keyed.text.unwrap_or_default();
        let is_compared = caching.semantic.is_some() && !text.is_empty() && text.len() <= LONGEST_QUESTION;
        let entry = Entry {
            tenant: (&*self.tenant).into(),
            form,
            shape: Shape::Whole,
            status: StatusCode::OK.as_u16(),
            content_type: "application/json".into(),
            model: (&*self.upstream_model).into(),
            route: model.into(),
            provider: (&*self.provider).into(),
            finish: facts.finish,
            usage: openai::Answer::read(&answer).ok().and_then(|answer| answer.usage),
            preview: text.chars().take(PREVIEW).collect::<String>().into(),
            question: is_compared.then(|| Question { scope: keyed.scope, text: text.into() }),
            ttl,
            body: answer.into_owned().into(),
        };
        Ok((keyed.key, entry, self.stored_at_ms))
    }

    /// The answer in one piece.
    fn whole(&self, form: Form) -> Result<Cow<'_, [u8]>, String> {
        let answer = self.response.trim_start();
        if answer.starts_with('{') {
            return Ok(Cow::Borrowed(self.response.as_bytes()));
        }
        let whole = replay::whole(form, self.response.as_bytes());
        whole.map(Cow::Owned).map_err(|_| "its stream cannot be joined".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_core::balance::LaneTables;
    use serde_json::{Value, json};

    use super::*;

    const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Go on."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

    fn told(change: impl FnOnce(&mut Value)) -> Result<(Key, Entry, u64), String> {
        let golden = include_bytes!("../../../../tests/golden/snapshot.json");
        let mut document: Value = serde_json::from_slice(golden).unwrap();
        document["cache"] = json!({
            "exact": {"enabled": true, "ttl_ms": 1000, "stale_ms": 0, "tool_calls": false, "coalesce": true,
                      "ignore": []},
            "semantic": {"enabled": true, "threshold": 0.8},
        });
        let document = serde_json::to_vec(&document).unwrap();
        let snapshot = Snapshot::compile(&document, &mut LaneTables::default()).unwrap();
        let request = json!({"model": "openai/m", "messages": [{"role": "user", "content": "How?"}]});
        let mut line = json!({
            "tenant": "t", "path": "/openai/v1/chat/completions", "request": request.to_string(),
            "response": ANSWER, "provider": "openai", "upstream_model": "m", "stored_at_ms": 5_000,
        });
        change(&mut line);
        let line = line.to_string();
        serde_json::from_str::<Told<'_>>(&line).unwrap().entry(&snapshot, 5_500)
    }

    #[test]
    fn a_call_leaves_the_entry_that_it_would_have_left() {
        let (key, entry, stored_at) = told(|_| ()).unwrap();
        assert_eq!((&*entry.tenant, &*entry.route, stored_at, entry.ttl), ("t", "openai/m", 5_000, 1_000));
        assert_eq!(&entry.body[..], ANSWER.as_bytes());
        let question = entry.question.unwrap();
        assert_eq!(&*question.text, "How?");
        let (other, _, _) = told(|line| line["tenant"] = "u".into()).unwrap();
        assert_ne!(key, other);
        let stream = format!(
            "data: {}\n\ndata: [DONE]\n\n",
            r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Go on."},"finish_reason":"stop"}]}"#
        );
        let (same, joined, _) = told(|line| line["response"] = stream.into()).unwrap();
        assert_eq!(same, key);
        assert!(replay::said(Form::Chat, &joined.body).is_some_and(|said| said == "Go on."));
    }

    #[test]
    fn what_would_not_have_been_kept_says_why() {
        let why = |member: &str, value: Value| told(|line| line[member] = value).unwrap_err();
        let cut = ANSWER.replace("\"stop\"", "\"length\"");
        assert_eq!(why("response", cut.into()), "not to be kept: truncated");
        assert_eq!(why("response", "data: {".into()), "its stream cannot be joined");
        assert_eq!(why("path", "/openai/v1/files".into()), "a path whose answers are not kept");
        assert_eq!(why("stored_at_ms", 4_000.into()), "older than its route's TTL");
        assert_eq!(why("stored_at_ms", 6_000.into()), "older than its route's TTL");
        assert_eq!(why("request", "{}".into()), "the request names no model");
        let stored = r#"{"model":"openai/m","store":true,"messages":[{"role":"user","content":"x"}]}"#;
        assert_eq!(why("request", stored.into()), "not to be kept: store");
    }
}
