//! An answer that is relayed as bytes.

use std::sync::Arc;

use bytes::Bytes;
use ferrogate_core::dialects::Usage;
use ferrogate_core::secret::{Mask, Secret};

use super::tail::Tail;

/// Bytes on their way: what waits for the client, and what is looked for in them.
#[derive(Default)]
pub(super) struct Plain {
    queued: Bytes,
    tail: Option<Tail>,
    mask: Option<Mask>,
}

impl Plain {
    /// An answer that is read: the key of its lane is masked, and its end kept for the usage that stands there.
    pub(super) fn read(secret: Option<&Arc<Secret>>) -> Self {
        Self {
            queued: Bytes::new(),
            tail: Some(Tail::default()),
            mask: secret.map(|secret| Mask::new(Arc::clone(secret))),
        }
    }

    /// Takes bytes of the provider.
    pub(super) fn push(&mut self, data: Bytes) {
        if let Some(tail) = &mut self.tail {
            tail.push(&data);
        }
        let data = match &mut self.mask {
            Some(mask) => mask.push(data),
            None => data,
        };
        self.queue(data);
    }

    /// Nothing more will come.
    pub(super) fn end(&mut self) {
        if let Some(mut mask) = self.mask.take() {
            self.queue(mask.finish());
        }
    }

    /// The next bytes for the client.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        (!self.queued.is_empty()).then(|| std::mem::take(&mut self.queued))
    }

    /// What waits for the client.
    pub(super) fn queued(&self) -> &[u8] {
        &self.queued
    }

    /// The token counts at the end of a JSON answer.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.tail.as_ref().and_then(Tail::usage)
    }

    fn queue(&mut self, data: Bytes) {
        if self.queued.is_empty() {
            self.queued = data;
        } else if !data.is_empty() {
            self.queued = [&self.queued[..], &data[..]].concat().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_mask_held_leaves_at_the_end() {
        let secret = Arc::new(Secret::new("sk-0123456789").unwrap());
        let mut plain = Plain::read(Some(&secret));
        plain.push(Bytes::from_static(b"a sk-01"));
        assert_eq!(plain.pop().unwrap(), "a ");
        plain.push(Bytes::from_static(b"23"));
        assert_eq!(plain.pop(), None);
        plain.push(Bytes::from_static(b"456789 b sk-"));
        plain.end();
        assert_eq!(plain.queued().len(), 19);
        assert_eq!(plain.pop().unwrap(), "************* b sk-");
    }
}
