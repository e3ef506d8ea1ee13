//! Reading what a conversation needs from a request in one pass: no tree, and no copy of text without escapes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// `messages` of chat, or `input` of responses: the last user's text and the size of all texts.
#[derive(Debug, Default)]
pub(crate) struct Turns<'a> {
    pub(crate) last_user: Cow<'a, str>,
    pub(crate) bytes: usize,
}

#[derive(serde::Deserialize)]
struct Turn<'a> {
    #[serde(borrow, default)]
    role: Text<'a>,
    #[serde(borrow, default)]
    content: Text<'a>,
}

/// A text, given as a string or as parts of which those with `text` count; null is empty.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

#[derive(serde::Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Turns<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Turns<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of messages")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Turns<'de>, E> {
                Ok(Turns { last_user: Cow::Borrowed(text), bytes: text.len() })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Turns<'de>, E> {
                Ok(Turns { last_user: Cow::Owned(text.to_owned()), bytes: text.len() })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Turns<'de>, A::Error> {
                let mut turns = Turns::default();
                while let Some(turn) = items.next_element::<Turn<'de>>()? {
                    turns.bytes += turn.content.0.len();
                    if turn.role.0 == "user" {
                        turns.last_user = turn.content.0;
                    }
                }
                Ok(turns)
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of parts")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E: Error>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
                let mut text = Text::default();
                while let Some(part) = items.next_element::<Part<'de>>()? {
                    if text.0.is_empty() {
                        text = part.text;
                    } else {
                        text.0.to_mut().push_str(&part.text.0);
                    }
                }
                Ok(text)
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// What embeddings, moderations and completions take: a text, tokens, a part, or a list of those.
#[derive(Debug, PartialEq)]
pub(super) enum Input<'a> {
    Text(Cow<'a, str>),
    Token(u64),
    List(Vec<Input<'a>>),
}

impl<'a> Input<'a> {
    /// The inputs of a batch. A list of tokens and a list of parts are one input each.
    pub(super) fn batch(self) -> Vec<Input<'a>> {
        match self {
            Self::List(items) if !items.iter().any(|item| matches!(item, Self::Token(_))) => items,
            one => vec![one],
        }
    }

    /// Appends the input's text, tokens as numbers.
    pub(super) fn push_text(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Token(token) => {
                out.push_str(&token.to_string());
                out.push(' ');
            }
            Self::List(items) => items.iter().for_each(|item| item.push_text(out)),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.push_text(&mut out);
        out
    }

    /// Tokens given as such count one each, texts by their length.
    pub(super) fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) => crate::text::tokens(text.len()).max(1),
            Self::Token(_) => 1,
            Self::List(items) => items.iter().map(Self::tokens).sum(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Input<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Input<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text, a list of texts or tokens")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Input<'de>, E> {
                Ok(Input::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Input<'de>, E> {
                Ok(Input::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E: Error>(self, token: u64) -> Result<Input<'de>, E> {
                Ok(Input::Token(token))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input<'de>, A::Error> {
                let mut list = Vec::with_capacity(items.size_hint().unwrap_or(0).min(1024));
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Input::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Input<'de>, A::Error> {
                let mut text = Text::default();
                while let Some(name) = members.next_key::<Text<'de>>()? {
                    if name.0 == "text" {
                        text = members.next_value()?;
                    } else {
                        members.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Input::Text(text.0))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_user_speaks() {
        let turns: Turns<'_> = serde_json::from_str(
            r#"[{"role": "system", "content": "abc"}, {"role": "user", "content": "one"},
                {"role": "user", "content": [{"type": "text", "text": "tw"}, {"type": "image_url", "image_url": {}},
                 {"type": "text", "text": "o\n"}]}, {"role": "assistant", "content": null, "tool_calls": []}]"#,
        )
        .unwrap();
        assert_eq!((turns.last_user.as_ref(), turns.bytes), ("two\n", 10));
        let plain: Turns<'_> = serde_json::from_str(r#""hi""#).unwrap();
        assert!(matches!(plain.last_user, Cow::Borrowed("hi")));
        assert!(serde_json::from_str::<Turns<'_>>("7").is_err());
    }

    #[test]
    fn a_batch_is_texts_or_token_lists() {
        let batch = |text| serde_json::from_str::<Input<'_>>(text).unwrap().batch();
        let texts = |text| batch(text).iter().map(Input::text).collect::<Vec<_>>();
        assert_eq!(texts(r#""a""#), ["a"]);
        assert_eq!(texts(r#"["a", "b"]"#), ["a", "b"]);
        assert_eq!(texts("[1, 2]"), ["1 2 "]);
        assert_eq!(texts("[[1, 2], [3]]"), ["1 2 ", "3 "]);
        assert_eq!(texts(r#"[{"type": "text", "text": "p"}]"#), ["p"]);
        assert_eq!(batch("[[1, 2]]")[0].tokens(), 2);
    }
}
