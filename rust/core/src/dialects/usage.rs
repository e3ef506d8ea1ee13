//! Token counts as providers report them.

use memchr::memmem;

use crate::json::{self, Span};

/// What an answer cost, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
    /// Tokens of the prompt that the provider had cached.
    pub cached: u64,
}

/// The spellings of OpenAI's chat and responses and of those who follow them, some of whom send both; other members
/// are skipped. The last one is `DeepSeek`'s own.
const NAMES: [&str; 7] = [
    "prompt_tokens",
    "input_tokens",
    "completion_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "input_tokens_details",
    "prompt_cache_hit_tokens",
];

/// Whether a value is to be read at all: what is missing and what is null count alike.
fn said(object: &[u8], span: Option<Span>) -> Option<&[u8]> {
    span.map(|span| span.of(object)).filter(|value| *value != b"null")
}

/// The members of an object by name; None where it is no object, or has one of them twice.
fn members<const N: usize>(object: &[u8], names: [&str; N]) -> Option<[Option<Span>; N]> {
    let (mut found, mut twice) = ([None; N], false);
    json::scan_object(object, |member| {
        let key = member.key.of(object);
        // Keys are written plainly, and then few have the length of one that is looked for.
        let is_escaped = key.contains(&b'\\');
        let same = |name: &&str| key == name.as_bytes() || (is_escaped && json::key_equals(key, name));
        if let Some(at) = names.iter().position(same) {
            twice |= found[at].replace(member.value).is_some();
        }
    })
    .ok()?;
    (!twice).then_some(found)
}

/// A whole number from 0.
fn number(digits: &[u8]) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    digits.iter().try_fold(0u64, |sum, &byte| sum.checked_mul(10)?.checked_add(digit(byte)?))
}

impl Usage {
    /// Reads the value of a `usage` member; None where it is null or of another shape.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let [prompt, input, completion, output, prompt_details, input_details, hits] = members(value, NAMES)?;
        // One that is of another shape spoils the whole.
        let mut spoilt = false;
        let mut count = |object: &[u8], span| {
            let digits = said(object, span)?;
            let count = number(digits);
            spoilt |= count.is_none();
            count
        };
        let [prompt, input, completion, output, hits] =
            [prompt, input, completion, output, hits].map(|span| count(value, span));
        let mut cached = [None; 2];
        for (cached, details) in cached.iter_mut().zip([prompt_details, input_details]) {
            if let Some(details) = said(value, details) {
                let [tokens] = members(details, ["cached_tokens"])?;
                *cached = Some(count(details, tokens));
            }
        }
        let (input, output) = (prompt.or(input), completion.or(output));
        if spoilt || (input.is_none() && output.is_none()) {
            return None;
        }
        let cached = cached[0].or(cached[1]).flatten().or(hits);
        Some(Self { input: input.unwrap_or(0), output: output.unwrap_or(0), cached: cached.unwrap_or(0) })
    }

    /// The last `usage` object in the end of an answer.
    pub fn last_in(end: &[u8]) -> Option<Self> {
        let at = memmem::rfind(end, b"\"usage\"")?;
        let rest = &end[at + 7..];
        let open = rest.iter().position(|&byte| byte == b'{')?;
        (open..rest.len()).filter(|&at| rest[at] == b'}').find_map(|at| Self::parse(&rest[open..=at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling() {
        let usage = |text: &str| Usage::parse(text.as_bytes());
        let expected = Some(Usage { input: 9, output: 3, cached: 4 });
        assert_eq!(
            usage(
                r#"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}"#
            ),
            expected
        );
        assert_eq!(
            usage(r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":3}"#),
            expected
        );
        assert_eq!(
            usage(r#"{"prompt_tokens":9,"completion_tokens":3,"prompt_cache_hit_tokens":4}"#),
            expected
        );
        assert_eq!(
            usage(
                r#"{"prompt_tokens":9,"input_tokens":9,"completion_tokens":3,"output_tokens":3,"input_tokens_details":{"cached_tokens":4}}"#
            ),
            expected
        );
        assert_eq!(usage("null"), None);
        assert_eq!(usage("{}"), None);
    }

    #[test]
    fn what_is_of_another_shape_is_no_usage() {
        let usage = |text: &str| Usage::parse(text.as_bytes());
        for text in [
            "[]",
            "7",
            r#"{"prompt_tokens":"9"}"#,
            r#"{"prompt_tokens":-9}"#,
            r#"{"prompt_tokens":9.0}"#,
            r#"{"prompt_tokens":9e1}"#,
            r#"{"prompt_tokens":18446744073709551616}"#,
            r#"{"prompt_tokens":9,"input_tokens":true}"#,
            r#"{"prompt_tokens":9,"prompt_tokens":9}"#,
            r#"{"prompt_tokens":9,"prompt_tokens_details":7}"#,
            r#"{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":"4"}}"#,
            r#"{"prompt_tokens":9"#,
        ] {
            assert_eq!(usage(text), None, "{text}");
        }
        let nine = Some(Usage { input: 9, output: 0, cached: 0 });
        for text in [
            r#" { "prompt_tokens" : 9 , "completion_tokens" : null , "x" : [ { "prompt_tokens" : "8" } ] } "#,
            r#"{"prompt\u005ftokens":9,"prompt_tokens_details":null}"#,
            r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":null,"audio_tokens":"x"}}"#,
        ] {
            assert_eq!(usage(text), nine, "{text}");
        }
    }
}
