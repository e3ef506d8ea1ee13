//! Nodes in a slab, and lists through them from the one used last to the one used longest ago.

use std::sync::Arc;

use super::super::key::Key;
use super::Entry;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// Which list a node is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What came lately.
    Window,
    /// What was let in, and was not asked for since.
    Probation,
    /// What was asked for after it was let in.
    Protected,
}

pub(super) const PARTS: usize = 3;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) key: Key,
    /// None where the place is free.
    pub(super) entry: Option<Arc<Entry>>,
    pub(super) stored_at: u64,
    /// Until when somebody is trusted to fetch it anew.
    pub(super) revalidated_until: u64,
    pub(super) weight: usize,
    pub(super) hits: u32,
    pub(super) part: Part,
    newer: u32,
    older: u32,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    newest: u32,
    oldest: u32,
    bytes: usize,
}

/// All nodes of a shard.
#[derive(Debug)]
pub(super) struct Nodes {
    places: Vec<Node>,
    free: Vec<u32>,
    ends: [Ends; PARTS],
}

impl Default for Nodes {
    fn default() -> Self {
        let none = Ends { newest: NONE, oldest: NONE, bytes: 0 };
        Self { places: Vec::new(), free: Vec::new(), ends: [none; PARTS] }
    }
}

impl Nodes {
    /// Places, free ones included.
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    pub(super) fn bytes(&self, part: Part) -> usize {
        self.ends[part as usize].bytes
    }

    pub(super) fn get(&self, at: u32) -> Option<&Node> {
        self.places.get(at as usize).filter(|node| node.entry.is_some())
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Node> {
        self.places.get_mut(at as usize).filter(|node| node.entry.is_some())
    }

    pub(super) fn oldest(&self, part: Part) -> Option<u32> {
        Some(self.ends[part as usize].oldest).filter(|&at| at != NONE)
    }

    /// The next one towards those that were used lately.
    pub(super) fn newer(&self, at: u32) -> Option<u32> {
        Some(self.places[at as usize].newer).filter(|&at| at != NONE)
    }

    /// Adds a node as the one used last.
    pub(super) fn insert(&mut self, key: Key, entry: Arc<Entry>, stored_at: u64, part: Part) -> Option<u32> {
        let weight = entry.weight();
        let (newer, older) = (NONE, NONE);
        let node = Node {
            key,
            entry: Some(entry),
            stored_at,
            revalidated_until: 0,
            weight,
            hits: 0,
            part,
            newer,
            older,
        };
        let at = if let Some(at) = self.free.pop() {
            self.places[at as usize] = node;
            at
        } else {
            let at = u32::try_from(self.places.len()).ok().filter(|&at| at != NONE)?;
            self.places.push(node);
            at
        };
        self.link(at, part);
        Some(at)
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, at: u32) -> Option<Arc<Entry>> {
        let entry = self.places[at as usize].entry.take()?;
        self.unlink(at);
        self.free.push(at);
        Some(entry)
    }

    /// Makes a node the one of `part` used last.
    pub(super) fn promote(&mut self, at: u32, part: Part) {
        self.unlink(at);
        self.link(at, part);
    }

    fn link(&mut self, at: u32, part: Part) {
        let ends = &mut self.ends[part as usize];
        let before = std::mem::replace(&mut ends.newest, at);
        if before == NONE {
            ends.oldest = at;
        }
        let node = &mut self.places[at as usize];
        ends.bytes += node.weight;
        (node.part, node.newer, node.older) = (part, NONE, before);
        if let Some(before) = self.places.get_mut(before as usize) {
            before.newer = at;
        }
    }

    fn unlink(&mut self, at: u32) {
        let Node { part, newer, older, weight, .. } = self.places[at as usize];
        let ends = &mut self.ends[part as usize];
        ends.bytes -= weight;
        if newer == NONE {
            ends.newest = older;
        }
        if older == NONE {
            ends.oldest = newer;
        }
        if let Some(node) = self.places.get_mut(newer as usize) {
            node.older = older;
        }
        if let Some(node) = self.places.get_mut(older as usize) {
            node.newer = newer;
        }
    }
}
