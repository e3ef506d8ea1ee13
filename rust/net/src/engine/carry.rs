//! Answers carried out of the cache and into it.

use ferrogate_core::cache::admit::{self, Rules};
use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Cursor, Entry, Shape};
use serde::Serialize;

use super::Engine;
use super::told::Told;
use crate::cache::{line, unix_ms};

/// A page of whole entries ends behind so many bytes, and is made of steps of so many entries.
const PAGE: usize = 8 << 20;
const STEP: usize = 16;

/// What came of lines that were read in.
#[derive(Debug, Default, Serialize)]
pub struct Carried {
    kept: usize,
    refused: Vec<Refused>,
}

/// A line that is not kept.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// The first is 1.
    line: usize,
    why: String,
}

impl Engine {
    /// About `limit` entries, one a line, or fewer where they are large, and where to go on; None where `cursor` is none.
    pub fn cache_export(&self, limit: usize, cursor: Option<&str>) -> Option<(Vec<u8>, Option<String>)> {
        let mut from = Some(cursor.map_or(Some(Cursor::default()), Cursor::parse)?);
        let mut lines = Vec::new();
        let mut count = 0;
        while let Some(cursor) = from.filter(|_| count < limit && lines.len() < PAGE) {
            let (listed, next) = self.shared.cache.store.list(cursor, STEP.min(limit - count));
            count += listed.len();
            for line in listed.iter().filter_map(line::write) {
                lines.extend_from_slice(&line);
                lines.push(b'\n');
            }
            from = next;
        }
        Some((lines, from.map(|cursor| cursor.to_string())))
    }

    /// Keeps what the lines hold, as old as it is. Waits for the embedder: not for the request path.
    pub fn cache_import(&self, lines: &[u8]) -> Carried {
        carried(lines, |line| {
            let (key, entry, stored_at) = line::read(line, unix_ms())?;
            self.keep(key, entry, stored_at)
        })
    }

    /// Keeps what was asked and answered before; see [`Told`]. Waits for the embedder, too.
    pub fn cache_warm(&self, lines: &[u8]) -> Carried {
        let snapshot = self.shared.snapshot.load_full();
        carried(lines, |line| {
            let told: Told<'_> =
                serde_json::from_slice(line).map_err(|error| format!("not a call: {error}"))?;
            let (key, entry, stored_at) = told.entry(&snapshot, unix_ms())?;
            self.keep(key, entry, stored_at)
        })
    }

    fn keep(&self, key: Key, entry: Entry, stored_at: u64) -> Result<(), String> {
        let cache = &self.shared.cache;
        if entry.shape == Shape::Whole {
            // What calls tools was admitted by its route before it was carried.
            let admitted = admit::judge(entry.form, entry.status, &entry.body, Rules { tool_calls: true });
            admitted.map_err(|refused| format!("not to be kept: {}", refused.name()))?;
        }
        if cache.store.peek(&key).is_some_and(|present| present.stored_at >= stored_at) {
            return Err("there is one as new".to_owned());
        }
        let question = entry.question.clone();
        if !cache.put(&key, entry, stored_at) {
            return Err("too large to be kept".to_owned());
        }
        if let Some((question, semantic)) = question.zip(cache.semantic()) {
            semantic.learn_in_turn(key, &question);
        }
        Ok(())
    }
}

fn carried(lines: &[u8], mut keep: impl FnMut(&[u8]) -> Result<(), String>) -> Carried {
    let mut carried = Carried::default();
    for (number, line) in lines.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match keep(line) {
            Ok(()) => carried.kept += 1,
            Err(why) => carried.refused.push(Refused { line: number + 1, why }),
        }
    }
    carried
}
