//! Bytes that answers are made of: filler text, JSON strings, identifiers, base64.

use bytes::BytesMut;

/// Filler; ASCII without a character that JSON would escape, so that any cut of it can be copied into a string.
const LOREM: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut \
labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex \
ea commodo consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla \
pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est \
laborum. ";

/// Bytes of one token, as providers' own rule of thumb has it.
const TOKEN_BYTES: u64 = 4;

/// The rule of thumb for token counts: four bytes each.
pub(crate) fn tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(TOKEN_BYTES)
}

/// The text of an answer and the pieces that a stream cuts it into.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// `pieces` pieces of `piece` bytes of filler.
    Filler { piece: usize, pieces: u32 },
    /// A text in `pieces` pieces of about equal size, cut between characters.
    Text { text: String, pieces: u32 },
}

impl Content {
    pub(crate) fn pieces(&self) -> u32 {
        match self {
            Self::Filler { pieces, .. } | Self::Text { pieces, .. } => *pieces,
        }
    }

    /// Bytes of the text, unescaped.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Filler { piece, pieces } => piece * *pieces as usize,
            Self::Text { text, .. } => text.len(),
        }
    }

    /// Appends piece `index`, escaped for a JSON string.
    pub(crate) fn push_piece(&self, index: u32, out: &mut BytesMut) {
        match self {
            Self::Filler { piece, .. } => push_filler(index as usize * piece, *piece, out),
            Self::Text { text, pieces } => {
                push_escaped(&text[boundary(text, index, *pieces)..boundary(text, index + 1, *pieces)], out);
            }
        }
    }

    /// Appends the whole text, escaped for a JSON string.
    pub(crate) fn push_all(&self, out: &mut BytesMut) {
        match self {
            Self::Filler { .. } => push_filler(0, self.len(), out),
            Self::Text { text, .. } => push_escaped(text, out),
        }
    }
}

fn boundary(text: &str, index: u32, pieces: u32) -> usize {
    let mut at = text.len() * index as usize / pieces.max(1) as usize;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn push_filler(from: usize, length: usize, out: &mut BytesMut) {
    let (mut at, mut left) = (from % LOREM.len(), length);
    while left > 0 {
        let part = &LOREM.as_bytes()[at..LOREM.len().min(at + left)];
        out.extend_from_slice(part);
        left -= part.len();
        at = 0;
    }
}

/// Appends `text` as the inside of a JSON string.
fn push_escaped(text: &str, out: &mut BytesMut) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            byte => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn push_string(text: &str, out: &mut BytesMut) {
    out.extend_from_slice(b"\"");
    push_escaped(text, out);
    out.extend_from_slice(b"\"");
}

/// Writing JSON by hand, in one chain.
pub(crate) trait Json {
    /// Appends JSON as it stands.
    fn raw(&mut self, json: &str) -> &mut Self;
    /// Appends a number.
    fn number(&mut self, number: u64) -> &mut Self;
    /// Appends a text as a JSON string.
    fn string(&mut self, text: &str) -> &mut Self;
    /// Appends the 16 hexadecimal digits that identify what request `id` made.
    fn id(&mut self, id: u64) -> &mut Self;
}

impl Json for BytesMut {
    fn raw(&mut self, json: &str) -> &mut Self {
        self.extend_from_slice(json.as_bytes());
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        push_number(number, self);
        self
    }

    fn string(&mut self, text: &str) -> &mut Self {
        push_string(text, self);
        self
    }

    fn id(&mut self, id: u64) -> &mut Self {
        push_id(id, self);
        self
    }
}

fn push_number(mut number: u64, out: &mut BytesMut) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A well-spread 64-bit value of a counter (`splitmix64`).
pub(crate) const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn push_id(id: u64, out: &mut BytesMut) {
    let digits = mix(id).to_be_bytes().map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    out.extend_from_slice(digits.as_flattened());
}

/// `prefix` and the digits of `id`.
pub(crate) fn identifier(prefix: &str, id: u64) -> String {
    format!("{prefix}{:016x}", mix(id))
}

/// The value of `x-request-id`.
pub(crate) fn request_id(id: u64) -> String {
    identifier("req_", id)
}

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| group.get(index).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET[(bits >> shift & 63) as usize];
            out.push(if index > group.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(push: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        push(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_json_wants_them() {
        let text = "a\"b\\c\nd\te\u{1}f\r ü🦀";
        let escaped = collected(|out| push_string(text, out));
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }

    #[test]
    fn pieces_join_to_the_whole() {
        for content in [
            Content::Text { text: "Grüße, 🦀 \"x\"".to_owned(), pieces: 7 },
            Content::Text { text: "ab".to_owned(), pieces: 5 },
            Content::Text { text: String::new(), pieces: 1 },
            Content::Filler { piece: 33, pieces: 40 },
        ] {
            let whole = collected(|out| content.push_all(out));
            let joined =
                collected(|out| (0..content.pieces()).for_each(|index| content.push_piece(index, out)));
            assert_eq!(whole, joined);
            assert_eq!(serde_json::from_str::<String>(&format!("\"{whole}\"")).unwrap().len(), content.len());
        }
    }

    #[test]
    fn base64_pads_and_numbers_print() {
        let encoded: Vec<String> =
            ["", "f", "fo", "foo", "foob"].iter().map(|s| base64(s.as_bytes())).collect();
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
        for number in [0, 9, 10, 1_700_000_000, u64::MAX] {
            assert_eq!(collected(|out| push_number(number, out)), number.to_string());
        }
        assert_eq!(collected(|out| push_id(7, out)), identifier("", 7));
    }
}
