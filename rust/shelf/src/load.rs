//! Reading the log into the store, at start.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use ferrogate_changelog::Reading;
use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Entry, Store};

use super::record::{self, Record};
use super::{Settings, fields};

/// What was found at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Answers that were handed to the store.
    pub entries: usize,
    /// Answers that nobody may be given any more.
    pub expired: usize,
    /// Answers, older than the others, that the limit has no room for.
    pub left_out: usize,
    /// Answers that the caller did not want.
    pub refused: usize,
    /// Answers that only a later version can read.
    pub unread: usize,
    /// Bytes behind the last whole record, which were cut off: what a crash left of a write.
    pub torn: u64,
    /// Bytes between whole records, which were passed over: damage.
    pub damaged: u64,
    /// Where a log of another version has been put. It was not read, and may be deleted.
    pub aside: Option<PathBuf>,
}

/// Where a key's last answer stands.
struct Place {
    at: u64,
    size: usize,
}

/// Reads twice: first what is still true, then only that. So an answer that was purged or replaced is never seen.
pub(crate) fn load(
    path: &Path,
    settings: &Settings,
    store: &Store,
    mut each: impl FnMut(&Key, &Entry, u64) -> bool,
) -> io::Result<(Reading, Opened)> {
    let mut reading = Reading::open(path, record::HEAD.to_vec())?;
    let mut opened = Opened { aside: reading.aside().map(Path::to_owned), ..Opened::default() };
    let mut places = HashMap::new();
    let scanned = reading.scan(record::span, |at, bytes| match record::read(bytes) {
        Some(Record::Put { key, stored_at, ttl, .. }) => {
            // Also what has expired takes the place of what was there.
            let place = settings.may_serve(stored_at, ttl).then_some(Place { at, size: bytes.len() });
            places.insert(key, place);
        }
        Some(Record::Remove(key)) => drop(places.remove(&key)),
        Some(Record::Clear) => places.clear(),
        None => (),
    })?;
    (opened.torn, opened.damaged) = (scanned.torn, scanned.damaged);
    let before = places.len();
    places.retain(|_, place| place.is_some());
    opened.expired = before - places.len();
    opened.left_out = fit(&mut places, settings.limit_bytes);

    reading.scan(record::span, |at, bytes| {
        let Some(Record::Put { key, stored_at, ttl, fields }) = record::read(bytes) else { return };
        if places.get(&key).and_then(Option::as_ref).is_none_or(|place| place.at != at) {
            return;
        }
        let Some(entry) = fields::read(fields, ttl) else {
            opened.unread += 1;
            return;
        };
        if store.peek(&key).is_some_and(|listed| listed.stored_at >= stored_at) {
            return;
        }
        if !each(&key, &entry, stored_at) {
            opened.refused += 1;
            return;
        }
        opened.entries += usize::from(store.put(&key, entry, stored_at));
    })?;
    Ok((reading, opened))
}

/// Leaves out what stands first, until the rest fits; how many that were.
fn fit(places: &mut HashMap<Key, Option<Place>>, limit: u64) -> usize {
    let size = |place: &Option<Place>| place.as_ref().map_or(0, |place| place.size as u64);
    if places.values().map(size).sum::<u64>() <= limit {
        return 0;
    }
    let mut order: Vec<_> = places.values().flatten().map(|place| (place.at, place.size as u64)).collect();
    order.sort_unstable();
    let (mut room, mut from) = (limit, u64::MAX);
    for (at, size) in order.into_iter().rev() {
        let Some(left) = room.checked_sub(size) else { break };
        (room, from) = (left, at);
    }
    let before = places.len();
    places.retain(|_, place| place.as_ref().is_some_and(|place| place.at >= from));
    before - places.len()
}
