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

/// The spellings of OpenAI's chat and responses and of those who follow them, some of whom send both; unknown members
/// are skipped.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    prompt_tokens: Option<u64>,
    input_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    output_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    input_tokens_details: Option<Details>,
    /// `DeepSeek`'s own spelling.
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
        let input = wire.prompt_tokens.or(wire.input_tokens);
        let output = wire.completion_tokens.or(wire.output_tokens);
        if input.is_none() && output.is_none() {
            return None;
        }
        let details = wire.prompt_tokens_details.or(wire.input_tokens_details);
        let cached = details.and_then(|details| details.cached_tokens).or(wire.prompt_cache_hit_tokens);
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
}
