//! One part of the store: W-TinyLFU with weights.
//!
//! A new answer comes into a small window. What falls out of the window is let into the main part, where that is full,
//! only if it was asked for more often than all those together that would have to make room for it (Einziger, Eytan,
//! Friedman, Manes: Lightweight Robust Size Aware Cache Management, <https://arxiv.org/abs/2105.08770>).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::sync::Arc;

use super::super::key::Key;
use super::entry::{Entry, Hit, Listed, State, Stats};
use super::lists::{Node, Nodes, Part};
use super::sketch::Sketch;
use super::{REVALIDATION, Settings};

/// Bytes of a node and of its place in the index.
pub(super) const PLACE: usize = mem::size_of::<Node>() + mem::size_of::<(u64, u32)>() + 1;

/// Hundredths of the bytes that the window has.
const WINDOW: usize = 1;
/// Hundredths of the main part that hold what was asked for again.
const PROTECTED: usize = 80;
/// How many places a put looks at for what has expired.
const SWEPT: usize = 4;
/// Bytes an entry, from which the sketch guesses how many there will be.
const USUAL: usize = 1024;

/// The first bytes of a digest are a hash.
#[derive(Debug, Default)]
pub(super) struct Prefix(u64);

impl Hasher for Prefix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 << 8) | u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[derive(Debug)]
pub(super) struct Shard {
    nodes: Nodes,
    /// By the first eight bytes of a key; of two keys that share them the later one stays.
    index: HashMap<u64, u32, BuildHasherDefault<Prefix>>,
    sketch: Sketch,
    window: usize,
    main: usize,
    stale: u64,
    hand: usize,
    stats: Stats,
}

/// What was pushed out. It is dropped after the lock was given back.
pub(super) type Gone = Vec<Arc<Entry>>;

impl Shard {
    pub(super) fn new(settings: &Settings, bytes: usize) -> Self {
        let sketch = Sketch::new(bytes / USUAL);
        let bytes = bytes.saturating_sub(sketch.bytes());
        let window = bytes * WINDOW / 100;
        Self {
            nodes: Nodes::default(),
            index: HashMap::default(),
            sketch,
            window,
            main: bytes - window,
            stale: settings.stale,
            hand: 0,
            stats: Stats::default(),
        }
    }

    pub(super) fn get(&mut self, key: &Key, now: u64, max_age: u64, gone: &mut Gone) -> Option<Hit> {
        self.sketch.count(key);
        let hit = self.find(key).and_then(|at| self.take_hit(at, now, max_age, gone));
        match &hit {
            Some(hit) => {
                self.stats.hits += 1;
                self.stats.stale += u64::from(hit.state != State::Fresh);
            }
            None => self.stats.misses += 1,
        }
        hit
    }

    fn take_hit(&mut self, at: u32, now: u64, max_age: u64, gone: &mut Gone) -> Option<Hit> {
        let node = self.nodes.get_mut(at)?;
        let age = now.saturating_sub(node.stored_at);
        let entry = node.entry.clone()?;
        if age > max_age {
            return None;
        }
        let state = if age < entry.ttl {
            State::Fresh
        } else if age - entry.ttl < self.stale {
            let revalidate = now >= node.revalidated_until;
            if revalidate {
                node.revalidated_until = now.saturating_add(REVALIDATION);
            }
            State::Stale { revalidate }
        } else {
            self.stats.expired += 1;
            self.remove_at(at, gone);
            return None;
        };
        node.hits = node.hits.saturating_add(1);
        let part = if node.part == Part::Window { Part::Window } else { Part::Protected };
        self.nodes.promote(at, part);
        self.settle_protected();
        Some(Hit { entry, age, state })
    }

    /// What was used longest ago goes back on probation where there is too much protected.
    fn settle_protected(&mut self) {
        let limit = self.main * PROTECTED / 100;
        while self.nodes.bytes(Part::Protected) > limit
            && let Some(oldest) = self.nodes.oldest(Part::Protected)
        {
            self.nodes.promote(oldest, Part::Probation);
        }
    }

    pub(super) fn put(&mut self, key: &Key, entry: Arc<Entry>, now: u64, gone: &mut Gone) -> bool {
        self.sketch.count(key);
        self.sweep(now, gone);
        if let Some(&at) = self.index.get(&prefix(key)) {
            self.remove_at(at, gone);
        }
        let weight = entry.weight();
        if weight > self.main {
            self.stats.evictions += 1;
            return false;
        }
        let Some(at) = self.nodes.insert(*key, entry, now, Part::Window) else { return false };
        self.index.insert(prefix(key), at);
        self.stats.puts += 1;
        while self.nodes.bytes(Part::Window) > self.window
            && let Some(candidate) = self.nodes.oldest(Part::Window)
        {
            self.contest(candidate, gone);
        }
        true
    }

    /// Lets what falls out of the window into the main part, or lets it go.
    fn contest(&mut self, candidate: u32, gone: &mut Gone) {
        let Some(node) = self.nodes.get(candidate) else { return };
        let (key, weight) = (node.key, node.weight);
        let used = self.nodes.bytes(Part::Probation) + self.nodes.bytes(Part::Protected);
        let mut missing = (used + weight).saturating_sub(self.main);
        let limit = self.sketch.frequency(&key);
        let (mut victims, mut asked) = (Vec::new(), 0);
        let mut part = Part::Probation;
        let mut next = self.nodes.oldest(part);
        while missing > 0 && asked < limit {
            let Some(victim) = next else {
                if part == Part::Protected {
                    break;
                }
                part = Part::Protected;
                next = self.nodes.oldest(part);
                continue;
            };
            let Some(node) = self.nodes.get(victim) else { break };
            asked += self.sketch.frequency(&node.key);
            missing = missing.saturating_sub(node.weight);
            victims.push(victim);
            next = self.nodes.newer(victim);
        }
        if missing > 0 || (asked >= limit && !victims.is_empty()) {
            self.evict(candidate, gone);
            return;
        }
        for victim in victims {
            self.evict(victim, gone);
        }
        self.nodes.promote(candidate, Part::Probation);
    }

    fn evict(&mut self, at: u32, gone: &mut Gone) {
        self.stats.evictions += 1;
        self.remove_at(at, gone);
    }

    /// Looks at a few places for what nobody may be given any more.
    fn sweep(&mut self, now: u64, gone: &mut Gone) {
        for _ in 0..SWEPT.min(self.nodes.places()) {
            self.hand = (self.hand + 1) % self.nodes.places();
            self.expire(self.hand, now, gone);
        }
    }

    /// Removes what is at a place if it has expired.
    pub(super) fn expire(&mut self, place: usize, now: u64, gone: &mut Gone) {
        let Ok(at) = u32::try_from(place) else { return };
        let stale = self.stale;
        let is_over = self.nodes.get(at).is_some_and(|node| {
            let ttl = node.entry.as_ref().map_or(0, |entry| entry.ttl);
            now.saturating_sub(node.stored_at) >= ttl.saturating_add(stale)
        });
        if is_over {
            self.stats.expired += 1;
            self.remove_at(at, gone);
        }
    }

    pub(super) fn remove(&mut self, key: &Key, gone: &mut Gone) -> bool {
        let found = self.find(key);
        found.map(|at| self.remove_at(at, gone)).is_some()
    }

    fn remove_at(&mut self, at: u32, gone: &mut Gone) {
        if let Some(node) = self.nodes.get(at) {
            self.index.remove(&prefix(&node.key));
        }
        gone.extend(self.nodes.remove(at));
    }

    fn find(&self, key: &Key) -> Option<u32> {
        let &at = self.index.get(&prefix(key))?;
        self.nodes.get(at).filter(|node| node.key == *key).map(|_| at)
    }

    /// Places, free ones included, by which lists and purges go on.
    pub(super) fn places(&self) -> usize {
        self.nodes.places()
    }

    pub(super) fn peek(&self, key: &Key) -> Option<Listed> {
        self.find(key).and_then(|at| self.listed(at as usize))
    }

    pub(super) fn listed(&self, place: usize) -> Option<Listed> {
        let node = self.nodes.get(u32::try_from(place).ok()?)?;
        let entry = node.entry.clone()?;
        Some(Listed { key: node.key, entry, stored_at: node.stored_at, hits: node.hits })
    }

    pub(super) fn stats(&self) -> Stats {
        let bytes = [Part::Window, Part::Probation, Part::Protected].map(|part| self.nodes.bytes(part));
        Stats { entries: self.index.len(), bytes: bytes.iter().sum(), ..self.stats }
    }
}

fn prefix(key: &Key) -> u64 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
