//! The bytes of one body while they wait for the writer.
//!
//! A body that came whole is held as it came. A stream's grows block by block, so that it never holds more than it has
//! and one block, and a full block is packed where the budget is getting short: streams of small events then take a
//! tenth, and many more of them find room. Who has room pays nothing for it.

use std::cell::RefCell;

use bytes::Bytes;
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size};

use super::Share;

/// A block that is full. Larger ones pack better, but every running stream holds half of one.
const BLOCK: usize = 4 * 1024;
/// The memory that the first block begins with; it doubles from there.
const FIRST: usize = 1024;

/// What is held of a body.
#[derive(Debug)]
pub enum Held {
    /// By reference, or a copy of its start.
    Whole(Bytes),
    /// The chunks of a stream, joined.
    Blocks(Box<Blocks>),
}

/// Blocks in order.
#[derive(Debug, Default)]
pub struct Blocks {
    full: Vec<Block>,
    last: Vec<u8>,
    length: usize,
}

#[derive(Debug)]
enum Block {
    Plain(Box<[u8]>),
    Packed(Box<[u8]>),
}

thread_local! {
    /// What packing needs beside its input.
    static SCRATCH: RefCell<(CompressTable, Vec<u8>)> =
        RefCell::new((CompressTable::small(), vec![0; get_maximum_output_size(BLOCK)]));
}

impl Held {
    /// How many bytes the body has.
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Blocks(blocks) => blocks.length,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body, for tests.
    #[cfg(test)]
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(self.append_to(&mut out));
        out
    }

    /// Appends the body to `out`. False where a block does not unpack, which would be a fault of ours.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Whole(bytes) => out.extend_from_slice(bytes),
            Self::Blocks(blocks) => {
                for block in &blocks.full {
                    match block {
                        Block::Plain(bytes) => out.extend_from_slice(bytes),
                        Block::Packed(bytes) => {
                            let start = out.len();
                            out.resize(start + BLOCK, 0);
                            if decompress_into(bytes, &mut out[start..]).ok() != Some(BLOCK) {
                                return false;
                            }
                        }
                    }
                }
                out.extend_from_slice(&blocks.last);
            }
        }
        true
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl From<Bytes> for Held {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl Blocks {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends `data` of a body that is kept up to `limit` bytes, at the expense of `share`. False where its budget does
    /// not allow all of it: then a part of it is kept.
    pub fn push(&mut self, mut data: &[u8], limit: usize, share: &mut Share) -> bool {
        while !data.is_empty() {
            if self.last.len() == BLOCK {
                self.seal(share);
            }
            let length = (self.last.len() + data.len()).min(BLOCK);
            if !self.reserve(length, limit, share) {
                return false;
            }
            let (head, rest) = data.split_at(length - self.last.len());
            self.last.extend_from_slice(head);
            self.length += head.len();
            data = rest;
        }
        true
    }

    /// Has room for so many bytes in the last block. Blocks behind the first are made at once.
    fn reserve(&mut self, length: usize, limit: usize, share: &mut Share) -> bool {
        let capacity = self.last.capacity();
        if length <= capacity {
            return true;
        }
        let least = if self.full.is_empty() { length.max(2 * capacity).max(FIRST) } else { BLOCK };
        let most = BLOCK.min(limit - (self.length - self.last.len()));
        let wanted = least.min(most).max(length);
        if !share.grow(wanted - capacity) {
            return false;
        }
        self.last.reserve_exact(wanted - self.last.len());
        true
    }

    /// Puts the full block to the others: packed where the budget is short and that makes it smaller.
    fn seal(&mut self, share: &mut Share) {
        if share.is_short()
            && let Some(packed) = pack(&self.last)
            && share.grow(packed.len())
        {
            self.last.clear();
            self.full.push(Block::Packed(packed));
        } else {
            self.full.push(Block::Plain(std::mem::take(&mut self.last).into_boxed_slice()));
        }
    }
}

/// None where it does not get smaller by a half.
fn pack(block: &[u8]) -> Option<Box<[u8]>> {
    SCRATCH.with_borrow_mut(|(table, out)| {
        let length = compress_into_with_table(block, out, table).ok()?;
        (length <= BLOCK / 2).then(|| out[..length].into())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Budget;
    use super::*;

    fn joined(blocks: Blocks) -> Vec<u8> {
        Held::Blocks(Box::new(blocks)).to_vec()
    }

    fn event(number: usize) -> Vec<u8> {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"choices\":[{{\"delta\":{{\"content\":\"{number}\"}}}}]}}\n\n"
        )
        .into()
    }

    #[test]
    fn no_more_is_held_than_there_is_and_a_block() {
        let budget = Budget::new(1 << 20);
        let (mut blocks, mut share) = (Blocks::default(), budget.share());
        for _ in 0..1_000 {
            assert!(blocks.push(&[b'x'; 60], 64_000, &mut share));
            let taken: usize = blocks.full.iter().map(|_| BLOCK).sum::<usize>() + blocks.last.capacity();
            assert_eq!(budget.held(), taken, "the budget knows every byte");
            assert!(budget.held() <= (blocks.len() + BLOCK).min(64_000));
        }
        assert_eq!(blocks.len(), 60_000);
        drop(share);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn where_memory_is_short_full_blocks_are_packed() {
        let budget = Budget::new(100_000);
        let mut taken = budget.share();
        assert!(taken.grow(60_000));
        let (mut blocks, mut share, mut all) = (Blocks::default(), budget.share(), Vec::new());
        for number in 0..700 {
            assert!(blocks.push(&event(number), 64_000, &mut share));
            all.extend(event(number));
        }
        assert!(all.len() > 40_000, "more than there was room for");
        assert!(budget.held() < 60_000 + 15_000, "{}", budget.held());
        let packed = |block: &Block| matches!(block, Block::Packed(_));
        let full: usize = blocks.full.iter().filter(|block| packed(block)).count();
        assert_eq!(full, blocks.full.len());
        assert_eq!(joined(blocks), all);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_a_start_of_what_came(
            chunks in prop::collection::vec(prop::collection::vec(0u8..4, 0..3_000), 0..40),
            bound in 0usize..200_000,
            limit in 1usize..64_000,
        ) {
            let budget = Budget::new(bound);
            let (mut blocks, mut share, mut all) = (Blocks::default(), budget.share(), Vec::new());
            for chunk in &chunks {
                let chunk = &chunk[..chunk.len().min(limit - all.len())];
                all.extend_from_slice(chunk);
                let fits = blocks.push(chunk, limit, &mut share);
                prop_assert!(budget.held() <= bound);
                if !fits {
                    break;
                }
                prop_assert_eq!(blocks.len(), all.len());
            }
            let length = blocks.len();
            prop_assert_eq!(joined(blocks), &all[..length]);
            drop(share);
            prop_assert_eq!(budget.held(), 0);
        }
    }
}
