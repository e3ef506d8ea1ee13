//! Token counts as Anthropic reports them: what came from the cache, and what went into it, is not part of
//! `input_tokens`; in a stream the counts come in pieces and are cumulative.

use serde::Deserialize;

use super::super::Usage;

/// The counts seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// Of the prompt, neither read from nor written to the cache.
    pub input_tokens: Option<u64>,
    /// Of the prompt, read from the cache.
    pub cache_read_input_tokens: Option<u64>,
    /// Of the prompt, written to the cache.
    pub cache_creation_input_tokens: Option<u64>,
    /// Of the answer, thoughts included.
    pub output_tokens: Option<u64>,
    /// What the answer's tokens were for.
    pub output_tokens_details: Option<Details>,
}

/// What the answer's tokens were for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Thoughts.
    pub thinking_tokens: Option<u64>,
}

impl Tokens {
    /// Takes the value of a `usage` member over what is known; one of another shape changes nothing.
    pub fn merge(&mut self, value: &[u8]) {
        let Ok(new) = serde_json::from_slice::<Self>(value) else { return };
        self.input_tokens = new.input_tokens.or(self.input_tokens);
        self.cache_read_input_tokens = new.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens =
            new.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.output_tokens = new.output_tokens.or(self.output_tokens);
        self.output_tokens_details = new.output_tokens_details.or(self.output_tokens_details);
    }

    /// Tokens of the whole prompt.
    pub fn prompt(&self) -> u64 {
        let parts = [self.input_tokens, self.cache_read_input_tokens, self.cache_creation_input_tokens];
        parts.into_iter().flatten().fold(0, u64::saturating_add)
    }

    /// Tokens of thoughts, where they are told.
    pub fn thinking(&self) -> Option<u64> {
        self.output_tokens_details.and_then(|details| details.thinking_tokens)
    }

    /// The same as the log keeps it; None where nothing was told.
    pub fn usage(&self) -> Option<Usage> {
        (*self != Self::default()).then(|| Usage {
            input: self.prompt(),
            output: self.output_tokens.unwrap_or(0),
            cached: self.cache_read_input_tokens.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_counts_what_the_cache_took_and_gave() {
        let mut tokens = Tokens::default();
        assert_eq!(tokens.usage(), None);
        tokens.merge(br#"{"input_tokens":9,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":100},"output_tokens":1,"service_tier":"standard"}"#);
        tokens.merge(
            br#"{"output_tokens":42,"input_tokens":null,"output_tokens_details":{"thinking_tokens":30}}"#,
        );
        tokens.merge(b"null");
        tokens.merge(b"7");
        assert_eq!(tokens.usage(), Some(Usage { input: 1109, output: 42, cached: 1000 }));
        assert_eq!(tokens.thinking(), Some(30));
    }
}
