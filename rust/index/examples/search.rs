//! The Rust side of `python -m bench.index`: takes vectors from a folder, then does what each line on stdin asks for and
//! answers each with one line of JSON.
//!
//! `search.rs FOLDER DIMENSIONS [scan]`; in FOLDER `entries.f32` and `queries.f32`, little-endian, one vector after the
//! other; entries have their number as id. A line `BREADTH` searches once for each query.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;
use std::{env, fs, io};

use ferrogate_index::{Index, Tuning};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [folder, dimensions, rest @ ..] = &arguments[..] else {
        return Err("FOLDER DIMENSIONS [scan]".into());
    };
    let dimensions = dimensions.parse()?;
    let entries = vectors(&Path::new(folder).join("entries.f32"))?;
    let queries = vectors(&Path::new(folder).join("queries.f32"))?;
    let scan_up_to = if rest.is_empty() { 0 } else { usize::MAX };
    let mut index = Index::new(dimensions, Tuning { scan_up_to, ..Tuning::default() });

    let begun = Instant::now();
    for (id, entry) in (0..).zip(entries.chunks_exact(dimensions)) {
        index.insert(id, entry)?;
    }
    let inserted = begun.elapsed();
    while index.tend() {}
    let (linked, bytes) = (begun.elapsed().as_secs_f64(), index.bytes());
    let mut out = io::stdout().lock();
    writeln!(out, r#"{{"insert_s":{},"build_s":{linked},"bytes":{bytes}}}"#, inserted.as_secs_f64())?;
    out.flush()?;

    for line in io::stdin().lock().lines() {
        index.retune(Tuning { scan_up_to, breadth: line?.trim().parse()? });
        let mut took = Vec::new();
        let mut found = Vec::new();
        for query in queries.chunks_exact(dimensions) {
            let begun = Instant::now();
            let hits = index.search(query, 1, |_| true)?;
            took.push(begun.elapsed().as_nanos());
            found.push(hits.first().map_or(-1, |hit| i64::try_from(hit.id).unwrap_or(-1)));
        }
        writeln!(out, r#"{{"ns":{took:?},"found":{found:?}}}"#)?;
        out.flush()?;
    }
    Ok(())
}

fn vectors(path: &Path) -> io::Result<Vec<f32>> {
    let bytes = fs::read(path)?;
    Ok(bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect())
}
