//! The end of an answer that is too large to hold: usage stands there.

use bytes::{Bytes, BytesMut};
use ferrogate_core::dialects::Usage;

/// How much of the end is kept.
const KEPT: usize = 4 * 1024;

/// The last bytes that went by.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: BytesMut,
}

impl Tail {
    pub(super) fn push(&mut self, data: &Bytes) {
        let fresh = &data[data.len().saturating_sub(KEPT)..];
        let over = (self.bytes.len() + fresh.len()).saturating_sub(KEPT);
        let _ = self.bytes.split_to(over.min(self.bytes.len()));
        self.bytes.extend_from_slice(fresh);
    }

    /// The last `usage` object in what was kept.
    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::last_in(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_usage_behind_a_large_answer() {
        let mut tail = Tail::default();
        for _ in 0..100 {
            tail.push(&Bytes::from(vec![b'x'; 1000]));
        }
        tail.push(&Bytes::from_static(b"],\"usage\": {\"prompt_tokens\":8,\"prompt_tokens_details\":"));
        tail.push(&Bytes::from_static(b"{\"cached_tokens\":2},\"total_tokens\":8}}"));
        let usage = tail.usage().unwrap();
        assert_eq!((usage.input, usage.cached), (8, 2));
        assert!(tail.bytes.len() <= KEPT);
    }
}
