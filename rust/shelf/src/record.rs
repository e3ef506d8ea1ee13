//! The bytes of the log: a head, then records.
//!
//! ```text
//! head    "FGSHELF" | version u8
//! record  mark "FGan" | crc32 of the rest of the prefix u32 | kind u32 | size of the fields u32 | crc32 of the fields u32
//!         | key, 32 bytes | stored at u64 | TTL u64 | fields
//! field   tag u8 | length u32 | bytes
//! ```
//! Numbers are little-endian, times in milliseconds. The prefix has a sum of its own, so that a damaged size leads nowhere,
//! and says all that is needed to pass over a record. What the fields are is said in `fields`.

use ferrogate_changelog::Span;
use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::Entry;

use super::fields;

pub(crate) const HEAD: &[u8; 8] = b"FGSHELF\x01";
const MARK: &[u8; 4] = b"FGan";
/// Bytes of a record before its fields.
pub(crate) const PREFIX: usize = 68;

const PUT: u32 = 1;
const REMOVE: u32 = 2;
const CLEAR: u32 = 3;

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Put { key: Key, stored_at: u64, ttl: u64, fields: &'a [u8] },
    Remove(Key),
    Clear,
}

pub(crate) fn put(to: &mut Vec<u8>, key: &Key, stored_at: u64, entry: &Entry) {
    write(to, PUT, key, stored_at, entry.ttl, |to| fields::write(to, entry));
}

pub(crate) fn remove(to: &mut Vec<u8>, key: &Key) {
    write(to, REMOVE, key, 0, 0, |_| ());
}

pub(crate) fn clear(to: &mut Vec<u8>) {
    write(to, CLEAR, &Key::from_bytes([0; 32]), 0, 0, |_| ());
}

fn write(
    to: &mut Vec<u8>,
    kind: u32,
    key: &Key,
    stored_at: u64,
    ttl: u64,
    fields: impl FnOnce(&mut Vec<u8>),
) {
    let start = to.len();
    to.resize(start + PREFIX, 0);
    fields(to);
    let (prefix, fields) = to[start..].split_at_mut(PREFIX);
    let Ok(size) = u32::try_from(fields.len()) else {
        // No answer of 4 GiB gets as far as this; one that did is not kept.
        to.truncate(start);
        return;
    };
    prefix[..4].copy_from_slice(MARK);
    prefix[8..12].copy_from_slice(&kind.to_le_bytes());
    prefix[12..16].copy_from_slice(&size.to_le_bytes());
    prefix[16..20].copy_from_slice(&crc32fast::hash(fields).to_le_bytes());
    prefix[20..52].copy_from_slice(key.as_bytes());
    prefix[52..60].copy_from_slice(&stored_at.to_le_bytes());
    prefix[60..].copy_from_slice(&ttl.to_le_bytes());
    let sum = crc32fast::hash(&prefix[8..]);
    prefix[4..8].copy_from_slice(&sum.to_le_bytes());
}

/// What `bytes` begin with.
pub(crate) fn span(bytes: &[u8]) -> Span {
    let Some(mark) = bytes.get(..4) else { return Span::Part };
    if mark != MARK {
        return Span::Damage;
    }
    let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return Span::Part };
    if crc32fast::hash(&prefix[8..]) != number(&prefix[4..]) {
        return Span::Damage;
    }
    let size = PREFIX + number(&prefix[12..]) as usize;
    let Some(fields) = bytes.get(PREFIX..size) else { return Span::Part };
    if crc32fast::hash(fields) != number(&prefix[16..]) {
        return Span::Damage;
    }
    Span::Whole(size)
}

/// Reads a record that is whole. None is of a later version.
pub(crate) fn read(record: &[u8]) -> Option<Record<'_>> {
    let (prefix, fields) = record.split_first_chunk::<PREFIX>()?;
    let mut key = [0; 32];
    key.copy_from_slice(&prefix[20..52]);
    let key = Key::from_bytes(key);
    match number(&prefix[8..]) {
        PUT => Some(Record::Put { key, stored_at: long(&prefix[52..]), ttl: long(&prefix[60..]), fields }),
        REMOVE => Some(Record::Remove(key)),
        CLEAR => Some(Record::Clear),
        _ => None,
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn long(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
