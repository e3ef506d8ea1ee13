//! Cold start, and searches beside changes: what `python -m bench.index` says of a store.
//!
//! `store.rs FOLDER DIMENSIONS` writes the vectors of FOLDER (see `search.rs`) to a log there, opens it again and prints
//! one line of JSON: seconds to open, then medians and 99th percentiles of searches in microseconds: right after opening,
//! when the graph is whole, and beside a thread that removes and inserts 1,000 vectors a second.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use ferrogate_index::{Model, Refused, Scope, Store, Tuning};

const SCOPE: Scope = Scope([1; 32]);
const BETWEEN_CHANGES: Duration = Duration::from_micros(500);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [folder, dimensions] = &arguments[..] else { return Err("FOLDER DIMENSIONS".into()) };
    let dimensions = dimensions.parse()?;
    let entries = vectors(&Path::new(folder).join("entries.f32"))?;
    let queries = vectors(&Path::new(folder).join("queries.f32"))?;
    let entries: Vec<_> = entries.chunks_exact(dimensions).collect();
    let queries: Vec<_> = queries.chunks_exact(dimensions).collect();
    let path = Path::new(folder).join("vectors.log");
    let model = Model { name: "generated".to_owned(), sha256: [0; 32], dimensions };

    let (store, _) = Store::open(&path, &model, Tuning::default())?;
    for (id, entry) in (0..).zip(&entries) {
        store.insert(&SCOPE, id, entry)?;
    }
    drop(store);

    let begun = Instant::now();
    let (store, opened) = Store::open(&path, &model, Tuning::default())?;
    let open_s = begun.elapsed().as_secs_f64();
    assert_eq!(opened.entries, entries.len());
    let fresh = search(&store, &queries[..queries.len().min(300)])?;
    while !store.settled() {
        thread::sleep(Duration::from_millis(20));
    }
    let settled_s = begun.elapsed().as_secs_f64();
    let whole = search(&store, &queries)?;
    let over = AtomicBool::new(false);
    let busy = thread::scope(|threads| {
        let changing = threads.spawn(|| change(&store, &entries, &over));
        let busy = search(&store, &queries).and_then(|_| search(&store, &queries));
        over.store(true, Ordering::Relaxed);
        changing.join().map_err(|_| Refused::Length)??;
        busy
    })?;
    let bytes = store.bytes();
    writeln!(
        io::stdout(),
        r#"{{"open_s":{open_s},"settled_s":{settled_s},"bytes":{bytes},"fresh_us":{fresh:?},"whole_us":{whole:?},"busy_us":{busy:?}}}"#
    )?;
    Ok(())
}

/// The median and the 99th percentile of one search for each query.
fn search(store: &Store, queries: &[&[f32]]) -> Result<[f64; 2], Refused> {
    let mut took = Vec::new();
    for query in queries {
        let begun = Instant::now();
        store.search(&SCOPE, query, 1, |_| true)?;
        took.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    took.sort_unstable_by(f64::total_cmp);
    Ok([took[took.len() / 2], took[took.len() * 99 / 100]])
}

fn change(store: &Store, entries: &[&[f32]], over: &AtomicBool) -> Result<(), Refused> {
    for (id, entry) in (0..).zip(entries).cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        store.remove(&SCOPE, id);
        thread::sleep(BETWEEN_CHANGES);
        store.insert(&SCOPE, id, entry)?;
        thread::sleep(BETWEEN_CHANGES);
    }
    Ok(())
}

fn vectors(path: &Path) -> io::Result<Vec<f32>> {
    let bytes = fs::read(path)?;
    Ok(bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect())
}
