//! The bytes of the log: a head that names the model, then records.
//!
//! ```text
//! head    magic "FGINDEX1" | crc32 of the rest u32 | dimensions u32 | sha256 of the model | name's length u32 | name
//! record  mark "FGvr" | crc32 of the rest u32 | kind u32 | values u32 | scope, 32 bytes | id u64 | values, f32 each
//! ```
//! Numbers are little-endian. A kind has one possible count of values, so a record's size does not hang on a field that
//! may be damaged, and the mark lets a reader find the next record behind damage.

use ferrogate_changelog::Span;

use crate::partitions::Scope;

use super::Model;

const MAGIC: &[u8; 8] = b"FGINDEX1";
const MARK: &[u8; 4] = b"FGvr";
/// Bytes of a record before its values.
pub(super) const PREFIX: usize = 56;
/// Bytes of a head before the name.
pub(super) const HEAD: usize = 52;
/// No model's name is longer, in bytes.
pub(super) const LONGEST_NAME: usize = 1024;

const INSERT: u32 = 1;
const REMOVE: u32 = 2;
const CLEAR: u32 = 3;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// A vector at length 1.
    Insert(Scope, u64, Vec<f32>),
    Remove(Scope, u64),
    Clear(Scope),
}

pub(super) fn insert(to: &mut Vec<u8>, scope: &Scope, id: u64, unit: &[f32]) {
    write(to, INSERT, scope, id, unit);
}

pub(super) fn remove(to: &mut Vec<u8>, scope: &Scope, id: u64) {
    write(to, REMOVE, scope, id, &[]);
}

pub(super) fn clear(to: &mut Vec<u8>, scope: &Scope) {
    write(to, CLEAR, scope, 0, &[]);
}

fn write(to: &mut Vec<u8>, kind: u32, scope: &Scope, id: u64, values: &[f32]) {
    let start = to.len();
    to.extend_from_slice(MARK);
    to.extend_from_slice(&[0; 4]);
    to.extend_from_slice(&kind.to_le_bytes());
    to.extend_from_slice(&u32::try_from(values.len()).unwrap_or(u32::MAX).to_le_bytes());
    to.extend_from_slice(&scope.0);
    to.extend_from_slice(&id.to_le_bytes());
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let sum = crc32fast::hash(&to[start + 8..]);
    to[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
}

/// What `bytes` begin with, for vectors of so many dimensions.
pub(super) fn span(bytes: &[u8], dimensions: usize) -> Span {
    let Some(mark) = bytes.get(..4) else { return Span::Part };
    if mark != MARK {
        return Span::Damage;
    }
    let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return Span::Part };
    let (kind, count) = (number(&prefix[8..]), number(&prefix[12..]));
    let values = match kind {
        INSERT => dimensions,
        REMOVE | CLEAR => 0,
        _ => return Span::Damage,
    };
    if count as usize != values {
        return Span::Damage;
    }
    let size = PREFIX + 4 * values;
    let Some(record) = bytes.get(..size) else { return Span::Part };
    if crc32fast::hash(&record[8..]) != number(&prefix[4..]) {
        return Span::Damage;
    }
    Span::Whole(size)
}

/// Reads a record that is whole.
pub(super) fn read(record: &[u8]) -> Option<Record> {
    let (prefix, values) = record.split_first_chunk::<PREFIX>()?;
    let mut scope = Scope([0; 32]);
    scope.0.copy_from_slice(&prefix[16..48]);
    let id = u64::from(number(&prefix[48..])) | u64::from(number(&prefix[52..])) << 32;
    Some(match number(&prefix[8..]) {
        INSERT => {
            let values = values.as_chunks().0;
            Record::Insert(scope, id, values.iter().map(|&value| f32::from_le_bytes(value)).collect())
        }
        REMOVE => Record::Remove(scope, id),
        _ => Record::Clear(scope),
    })
}

/// The head of a model's log. The name is cut to [`LONGEST_NAME`].
pub(super) fn head(model: &Model) -> Vec<u8> {
    let name = &model.name.as_bytes()[..model.name.len().min(LONGEST_NAME)];
    let size = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut head = Vec::with_capacity(HEAD + name.len());
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&size(model.dimensions));
    head.extend_from_slice(&model.sha256);
    head.extend_from_slice(&size(name.len()));
    head.extend_from_slice(name);
    let sum = crc32fast::hash(&head[12..]);
    head[8..12].copy_from_slice(&sum.to_le_bytes());
    head
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
