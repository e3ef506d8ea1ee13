//! How long a start with many kept answers takes.
//!
//! `cold.rs FOLDER [ENTRIES [BYTES]]` keeps so many answers (100,000) with a body of so many bytes (1,024) in a file in
//! FOLDER, where there is none yet, opens it into an empty store of 512 MB, and prints one line of JSON: answers read, the
//! file's size, seconds to write it, seconds to read it, and answers a second. What was just written is read from the page
//! cache; `dd of=FOLDER/cold-answers.log oflag=nocache conv=notrunc,fdatasync count=0` takes it out of there.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use ferrogate_core::cache::key::{Form, Key};
use ferrogate_core::cache::store::{self, Entry, Shape, Store};
use ferrogate_core::dialects::Usage;
use ferrogate_shelf::{Opened, Settings, Shelf};

const BYTES: usize = 512 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let folder = arguments.first().ok_or("FOLDER [ENTRIES [BYTES]]")?;
    let entries = arguments.get(1).map_or(Ok(100_000), |text| text.parse())?;
    let bytes = arguments.get(2).map_or(Ok(1024), |text| text.parse())?;
    let path = Path::new(folder).join("cold-answers.log");
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;

    let begun = Instant::now();
    if !path.exists() {
        let (store, shelf, _) = open(&path, now)?;
        for number in 0..entries {
            let key = key(number);
            store.put(&key, answer(number, bytes), now);
            shelf.changed(&key);
        }
    }
    let write_s = begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let (store, _shelf, opened) = open(&path, now)?;
    let read_s = begun.elapsed().as_secs_f64();
    let (read, file) = (opened.entries, fs::metadata(&path)?.len());
    if read != store.stats().entries {
        return Err(format!("{} are in the store: {opened:?}", store.stats().entries).into());
    }
    let rate = f64::from(u32::try_from(read)?) / read_s;
    writeln!(
        io::stdout(),
        r#"{{"entries":{read},"file_bytes":{file},"write_s":{write_s:.3},"read_s":{read_s:.3},"a_second":{rate:.0}}}"#
    )?;
    Ok(())
}

fn open(path: &Path, now: u64) -> io::Result<(Arc<Store>, Shelf, Opened)> {
    let store = Arc::new(Store::new(&store::Settings { bytes: BYTES, stale: 0 }));
    let settings = Settings { limit_bytes: BYTES as u64, stale: 0, now: now + 1000 };
    let (shelf, opened) = Shelf::open(path, &settings, Arc::clone(&store), |_, _, _| true)?;
    Ok((store, shelf, opened))
}

/// Keys that are spread as digests are.
fn key(number: u64) -> Key {
    let mut bytes = [0; 32];
    for (at, chunk) in (1_u64..).zip(bytes.chunks_exact_mut(8)) {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17).wrapping_mul(2 * at + 1);
        chunk.copy_from_slice(&mixed.to_le_bytes());
    }
    Key::from_bytes(bytes)
}

fn answer(number: u64, bytes: usize) -> Entry {
    Entry {
        tenant: "local".into(),
        form: Form::Chat,
        shape: Shape::Whole,
        body: format!("{number} ").bytes().cycle().take(bytes).collect::<Vec<_>>().into(),
        status: 200,
        content_type: "application/json".into(),
        model: "gpt-4o-mini-2024-07-18".into(),
        provider: "openai".into(),
        finish: Some("stop".into()),
        usage: Some(Usage { input: 120, output: 240, cached: 0 }),
        route: "gpt-4o-mini".into(),
        preview: "How do I reset my password? I tried it twice and no mail came.".into(),
        ttl: 3_600_000,
        question: None,
    }
}
