//! HTTP/2's frames as they pass: each one's head, nothing of its payload (RFC 9113, section 4.1).

const HEAD: usize = 9;

/// A frame's head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Its type.
    pub(crate) kind: u8,
    /// Its flags.
    pub(crate) flags: u8,
}

/// Follows one direction of one connection.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Bytes of the preface, then of each payload, that are still to come.
    skip: usize,
    head: [u8; HEAD],
    filled: usize,
}

impl Frames {
    /// Frames that begin behind `preface` bytes.
    pub(crate) fn behind(preface: usize) -> Self {
        Self { skip: preface, head: [0; HEAD], filled: 0 }
    }

    /// Takes what passed.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut on_head: impl FnMut(Head)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let taken = (HEAD - self.filled).min(bytes.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == HEAD {
                self.filled = 0;
                let [high, middle, low, kind, flags, ..] = self.head;
                self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                on_head(Head { kind, flags });
            }
        }
    }

    /// A head has begun and is not whole.
    pub(crate) fn is_in_head(&self) -> bool {
        self.filled > 0
    }

    /// A payload, or the preface, is not whole.
    pub(crate) fn is_in_payload(&self) -> bool {
        self.skip > 0
    }
}
