//! Token counts as providers report them.

use memchr::memmem;
use serde::Deserialize;

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

/// The spellings of OpenAI's chat and responses and of those who follow them; unknown members are skipped.
#[derive(Deserialize, Default)]
struct Wire {
    #[serde(default, alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(default, alias = "output_tokens")]
    completion_tokens: Option<u64>,
    #[serde(default, alias = "input_tokens_details")]
    prompt_tokens_details: Option<Details>,
    /// `DeepSeek`'s own spelling.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl Usage {
    /// Reads the value of a `usage` member; None where it is null or of another shape.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let wire: Option<Wire> = serde_json::from_slice(value).ok()?;
        let wire = wire?;
        if wire.prompt_tokens.is_none() && wire.completion_tokens.is_none() {
            return None;
        }
        let cached = wire.prompt_tokens_details.and_then(|details| details.cached_tokens);
        Some(Self {
            input: wire.prompt_tokens.unwrap_or(0),
            output: wire.completion_tokens.unwrap_or(0),
            cached: cached.or(wire.prompt_cache_hit_tokens).unwrap_or(0),
        })
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
        assert_eq!(usage("null"), None);
        assert_eq!(usage("{}"), None);
    }
}
