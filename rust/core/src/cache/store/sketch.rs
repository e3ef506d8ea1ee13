//! How often a key was asked for, about: a count-min sketch of four rows of four-bit counters.
//!
//! After ten requests an entry, and some more, all counters are halved, so that what was asked for long ago fades
//! (Einziger, Friedman, Manes: `TinyLFU`, <https://arxiv.org/abs/1512.00727>). Requests for keys whose counters are full
//! count too: else a cache that answers most requests would never forget. A key is a digest, so its own bytes are the hash
//! functions.

use super::super::key::Key;

const ROWS: usize = 4;
const HIGHEST: u64 = 15;
/// A word has sixteen counters; one word an expected entry leaves four of each row to it.
const COUNTERS: usize = 16;
const SAMPLES: usize = 10;
/// A small cache has to look back further, or what it must choose between was asked for once or twice.
const LEAST: usize = 16_384;

#[derive(Debug)]
pub(super) struct Sketch {
    words: Box<[u64]>,
    counts: usize,
    limit: usize,
}

impl Sketch {
    /// For about so many entries.
    pub(super) fn new(entries: usize) -> Self {
        let words = entries.next_power_of_two().max(64);
        Self { words: vec![0; words].into(), counts: 0, limit: LEAST + SAMPLES * words }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// The word and the shift of a key's counter in a row.
    fn place(&self, key: &Key, row: usize) -> (usize, u32) {
        let from = 8 + 6 * row;
        let bytes = key.as_bytes();
        let word = u32::from_le_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]]);
        // Each row has four of a word's counters.
        let counter = row * COUNTERS / ROWS + usize::from(bytes[from + 4] & 3);
        #[expect(clippy::cast_possible_truncation, reason = "below sixty-four")]
        (word as usize & (self.words.len() - 1), 4 * counter as u32)
    }

    pub(super) fn count(&mut self, key: &Key) {
        let lowest = self.frequency(key);
        for row in 0..ROWS {
            let (word, shift) = self.place(key, row);
            // Only the lowest are wrong by too little, if any.
            if lowest < HIGHEST && (self.words[word] >> shift) & HIGHEST == lowest {
                self.words[word] += 1 << shift;
            }
        }
        self.counts += 1;
        if self.counts >= self.limit {
            self.halve();
        }
    }

    pub(super) fn frequency(&self, key: &Key) -> u64 {
        let rows = (0..ROWS).map(|row| {
            let (word, shift) = self.place(key, row);
            (self.words[word] >> shift) & HIGHEST
        });
        rows.min().unwrap_or(0)
    }

    fn halve(&mut self) {
        for word in &mut self.words {
            *word = (*word >> 1) & 0x7777_7777_7777_7777;
        }
        self.counts /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Key {
        Key::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    #[test]
    fn counts_are_never_too_low_and_fade() {
        let mut sketch = Sketch::new(1024);
        for number in 0..100 {
            for _ in 0..=number % 20 {
                sketch.count(&key(number));
            }
        }
        for number in 0..100 {
            assert!(sketch.frequency(&key(number)) >= u64::from(number % 20 + 1).min(HIGHEST));
        }
        assert!((1000..1100).filter(|&number| sketch.frequency(&key(number)) > 0).count() < 5);
        for number in 5000..40_000 {
            sketch.count(&key(number));
        }
        assert!(sketch.frequency(&key(19)) < HIGHEST);
    }
}
