//! The slots that a node leads to on one layer.

/// At most `MOST` slots, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links<const MOST: usize> {
    count: u32,
    slots: [u32; MOST],
}

impl<const MOST: usize> Default for Links<MOST> {
    fn default() -> Self {
        Self { count: 0, slots: [0; MOST] }
    }
}

impl<const MOST: usize> Links<MOST> {
    #[inline]
    pub(super) fn slots(&self) -> &[u32] {
        &self.slots[..self.count as usize]
    }

    /// Takes the first `MOST`.
    pub(super) fn set(&mut self, slots: &[u32]) {
        self.count = 0;
        for (to, slot) in self.slots.iter_mut().zip(slots) {
            *to = *slot;
            self.count += 1;
        }
    }
}
