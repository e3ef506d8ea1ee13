//! A stand-in without weights: words and three-letter pieces, hashed into as many places as a vector has.
//!
//! Texts that share words are near each other, so what is built on vectors can be tested without a model. It knows
//! nothing of meaning.

use crate::model::normalise;
use crate::{Embed, Error, Scratch, Vector, WIDTH};

/// What a shared word counts beside a shared piece of three letters.
const WORD: f32 = 2.0;

/// The stand-in. It cannot fail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hashed;

impl Embed for Hashed {
    fn id(&self) -> &'static str {
        "hashed/1"
    }

    fn embed(&self, text: &str, _: &mut Scratch) -> Result<Vector, Error> {
        let mut vector = [0.0; WIDTH];
        let text = text.to_lowercase();
        for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
            add(&mut vector, [word], WORD);
            let marked: Vec<char> = format!(" {word} ").chars().collect();
            for piece in marked.windows(3) {
                add(&mut vector, ["#", &String::from_iter(piece)], 1.0);
            }
        }
        normalise(&mut vector);
        Ok(vector)
    }
}

/// Adds to one place, up or down, so that texts without anything in common are at right angles on average.
fn add<const N: usize>(vector: &mut Vector, parts: [&str; N], weight: f32) {
    let hash = fnv1a(parts.iter().flat_map(|part| part.bytes()));
    let place = usize::try_from((hash >> 32) % WIDTH as u64).unwrap_or_default();
    vector[place] += if hash & 1 == 0 { weight } else { -weight };
}

/// FNV-1a in 64 bits, with its bits mixed once more, as the lowest ones of short texts hardly differ.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::{Embed, Hashed, Scratch};

    fn cosine(a: &str, b: &str) -> f32 {
        let [a, b] = [a, b].map(|text| Hashed.embed(text, &mut Scratch::default()).unwrap());
        a.iter().zip(&b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn shared_words_are_near_and_others_far() {
        assert!(cosine("How do I reset my password?", "how do i reset MY password") > 0.999);
        assert!(cosine("How do I reset my password?", "How can I reset a password?") > 0.6);
        assert!(cosine("How do I reset my password?", "Winter in Patagonia").abs() < 0.2);
    }

    #[test]
    fn the_order_of_words_does_not_count_but_the_letters_do() {
        assert!(cosine("turn on dark mode", "mode dark on turn") > 0.999);
        assert!(cosine("listen", "silent") < 0.5);
    }

    #[test]
    fn length_is_one_and_nothing_is_zero() {
        assert!((cosine("one", "one") - 1.0).abs() < 1e-6);
        assert!(cosine("?!", "?!").abs() < f32::EPSILON);
    }
}
