//! Where a row's payload is: a block of fixed size in front of the row's fields, so that the writer can fill it in
//! when it knows.

/// What became of the bodies of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Kept {
    /// There were none.
    #[default]
    Nothing = 0,
    /// They are not to be kept.
    Off = 1,
    /// All of both.
    Whole = 2,
    /// Of one at least the start.
    Truncated = 3,
    /// Of one at least nothing: no memory, no room on the disk, or an error of it.
    Shed = 4,
}

impl Kept {
    /// As the row shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Off => "off",
            Self::Whole => "kept",
            Self::Truncated => "truncated",
            Self::Shed => "shed",
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Nothing, Self::Off, Self::Whole, Self::Truncated, Self::Shed]
            .into_iter()
            .find(|kept| *kept as u8 == byte)
    }
}

/// A row's payload: what became of it, and where it is. A length of 0 stands for nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// What became of it.
    pub kept: Kept,
    /// The payload segment.
    pub segment: u64,
    /// The frame's offset in it.
    pub offset: u64,
    /// The frame's length.
    pub length: u32,
}

/// Bytes of an encoded place.
pub(in super::super) const PLACE_BYTES: usize = 1 + 8 + 8 + 4;
/// Marks a place that the writer has yet to fill in.
const PENDING: u8 = 0x80;

impl Place {
    /// What became of it, and nowhere.
    pub fn none(kept: Kept) -> Self {
        Self { kept, ..Self::default() }
    }

    pub(in super::super) fn encode(self, pending: bool) -> [u8; PLACE_BYTES] {
        let mut bytes = [0; PLACE_BYTES];
        bytes[0] = self.kept as u8 | if pending { PENDING } else { 0 };
        bytes[1..9].copy_from_slice(&self.segment.to_le_bytes());
        bytes[9..17].copy_from_slice(&self.offset.to_le_bytes());
        bytes[17..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// The place at the start of `bytes`, and what follows. One that was never filled in is nowhere.
    pub(in super::super) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (block, rest) = bytes.split_first_chunk::<PLACE_BYTES>()?;
        let kept = Kept::from_byte(block[0] & !PENDING)?;
        if block[0] & PENDING != 0 {
            return Some((Self::none(Kept::Shed), rest));
        }
        let number = |at: usize| block[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let length = u32::from_le_bytes(*block.last_chunk()?);
        Some((Self { kept, segment: number(1)?, offset: number(9)?, length }, rest))
    }

    /// Whether a row waits for its payload.
    pub(in super::super) fn is_pending(block: &[u8]) -> bool {
        block.first().is_some_and(|kept| kept & PENDING != 0)
    }
}
