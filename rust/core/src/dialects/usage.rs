//! Token counts as providers report them.

use memchr::memmem;

use crate::json;

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
#[derive(Default)]
struct Wire {
    prompt: Option<u64>,
    input: Option<u64>,
    completion: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    /// `DeepSeek`'s own spelling.
    cache_hit: Option<u64>,
}

impl Usage {
    /// Reads the value of a `usage` member; None where it is null or of another shape.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut wire = Wire::default();
        json::scan_object(value, |member| {
            let told = member.value.of(value);
            match member.key.of(value) {
                b"prompt_tokens" => wire.prompt = count(told),
                b"input_tokens" => wire.input = count(told),
                b"completion_tokens" => wire.completion = count(told),
                b"output_tokens" => wire.output = count(told),
                b"prompt_tokens_details" | b"input_tokens_details" => {
                    wire.cached = cached(told).or(wire.cached);
                }
                b"prompt_cache_hit_tokens" => wire.cache_hit = count(told),
                _ => {}
            }
        })
        .ok()?;
        let input = wire.prompt.or(wire.input);
        let output = wire.completion.or(wire.output);
        if input.is_none() && output.is_none() {
            return None;
        }
        let cached = wire.cached.or(wire.cache_hit);
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

fn cached(details: &[u8]) -> Option<u64> {
    let mut found = None;
    json::scan_object(details, |member| {
        if member.key.of(details) == b"cached_tokens" {
            found = count(member.value.of(details));
        }
    })
    .ok()?;
    found
}

/// A whole number from 0.
fn count(value: &[u8]) -> Option<u64> {
    value.iter().try_fold(0_u64, |count, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        count.checked_mul(10)?.checked_add(digit)
    })
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
        assert_eq!(
            usage(r#"{"prompt_tokens":9,"completion_tokens":null,"prompt_tokens_details":null,"x":[1]}"#),
            Some(Usage { input: 9, output: 0, cached: 0 })
        );
        for none in
            ["1", "[]", "\"\"", r#"{"prompt_tokens":-1}"#, r#"{"prompt_tokens":99999999999999999999}"#]
        {
            assert_eq!(usage(none), None, "{none}");
        }
        assert_eq!(usage("null"), None);
        assert_eq!(usage("{}"), None);
    }
}
