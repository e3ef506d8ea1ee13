//! Runs one load from a JSON file (or standard input) and prints the report.
//!
//! `echo '{"target": "http://127.0.0.1:8081", "rate": 500}' | cargo run -p ferrogate-bench --example load`

use std::io::{Read as _, Write as _};
use std::sync::atomic::AtomicBool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    match std::env::args().nth(1) {
        Some(path) => text = std::fs::read_to_string(path)?,
        None => {
            std::io::stdin().read_to_string(&mut text)?;
        }
    }
    let options = serde_json::from_str(&text)?;
    let mut told = std::io::stderr();
    let report = ferrogate_bench::run(
        &options,
        |progress| {
            let _shown =
                writeln!(told, "{} {:.1} s, {:.0}/s", progress.phase, progress.elapsed_s, progress.rate);
        },
        &AtomicBool::new(false),
    )?;
    serde_json::to_writer_pretty(std::io::stdout(), &report)?;
    Ok(())
}
