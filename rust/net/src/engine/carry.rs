//! Answers carried out of the cache and into it.

use ferrogate_core::cache::store::Cursor;
use serde::Serialize;

use super::Engine;
use crate::cache::{line, unix_ms};

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
    /// About `limit` entries, one a line, and where to go on; None where `cursor` is none.
    pub fn cache_export(&self, limit: usize, cursor: Option<&str>) -> Option<(Vec<u8>, Option<String>)> {
        let from = cursor.map_or(Some(Cursor::default()), Cursor::parse)?;
        let (listed, next) = self.shared.cache.store.list(from, limit);
        let mut lines = Vec::new();
        for entry in &listed {
            if let Some(line) = line::write(entry) {
                lines.extend_from_slice(&line);
                lines.push(b'\n');
            }
        }
        Some((lines, next.map(|cursor| cursor.to_string())))
    }

    /// Keeps what the lines hold, as old as it is. Waits for the embedder: not for the request path.
    pub fn cache_import(&self, lines: &[u8]) -> Carried {
        let mut carried = Carried::default();
        for (number, line) in lines.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match self.keep(line) {
                Ok(()) => carried.kept += 1,
                Err(why) => carried.refused.push(Refused { line: number + 1, why }),
            }
        }
        carried
    }

    fn keep(&self, line: &[u8]) -> Result<(), String> {
        let cache = &self.shared.cache;
        let (key, entry, stored_at) = line::read(line, unix_ms())?;
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
