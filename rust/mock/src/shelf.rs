//! Things that a client may ask for again: responses, files, batches. Bounded in bytes; the oldest go first.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// A stored thing: its JSON object and, for files, its content.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) object: Bytes,
    pub(crate) content: Bytes,
}

impl Item {
    fn size(&self) -> usize {
        self.id.len() + self.object.len() + self.content.len()
    }
}

/// One kind of stored things.
#[derive(Debug)]
pub(crate) struct Shelf {
    limit: usize,
    items: Mutex<(VecDeque<Item>, usize)>,
}

impl Shelf {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, items: Mutex::default() }
    }

    pub(crate) fn put(&self, item: Item) {
        let mut kept = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let (items, bytes) = &mut *kept;
        *bytes += item.size();
        items.push_back(item);
        while *bytes > self.limit {
            let Some(oldest) = items.pop_front() else { break };
            *bytes -= oldest.size();
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Item> {
        let kept = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0.iter().rev().find(|item| item.id == id).cloned()
    }

    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut kept = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let (items, bytes) = &mut *kept;
        let found = items.iter().position(|item| item.id == id).and_then(|index| items.remove(index));
        *bytes -= found.as_ref().map_or(0, Item::size);
        found.is_some()
    }

    /// The objects, newest first.
    pub(crate) fn objects(&self) -> Vec<Bytes> {
        let kept = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0.iter().rev().map(|item| item.object.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, size: usize) -> Item {
        Item { id: id.to_owned(), object: Bytes::from(id.to_owned()), content: Bytes::from(vec![0; size]) }
    }

    #[test]
    fn the_oldest_make_room() {
        let shelf = Shelf::new(250);
        for id in ["a", "b", "c"] {
            shelf.put(item(id, 100));
        }
        assert!(shelf.get("a").is_none());
        assert_eq!(shelf.objects(), ["c", "b"]);
        assert!(shelf.remove("b") && !shelf.remove("b"));
        shelf.put(item("d", 100));
        assert_eq!(shelf.objects(), ["d", "c"]);
    }
}
