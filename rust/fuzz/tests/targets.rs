//! Every target: its corpus, then inputs made of it. `FUZZ_SECONDS` is how long each goes on; without it the number of
//! inputs is fixed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]
#![expect(clippy::print_stderr, reason = "how much was tried is said to whoever runs it")]

use std::cell::Cell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use ferrogate_fuzz::{mutate, target};
use proptest::test_runner::{Config, TestError, TestRunner};

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    if name == "snapshot" {
        paths.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/snapshot.json"));
    }
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

thread_local! {
    /// Whether a panic of this thread is one of hundreds on the way to the smallest input.
    static SHRINKING: Cell<bool> = const { Cell::new(false) };
}

fn quieten() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !SHRINKING.get() {
                loud(info);
            }
        }));
    });
}

fn seconds() -> Option<Duration> {
    std::env::var("FUZZ_SECONDS").ok().map(|text| Duration::from_secs_f64(text.parse().unwrap()))
}

fn fuzz(name: &str) {
    quieten();
    let target = target(name);
    let corpus = corpus(name);
    for (path, input) in &corpus {
        let checked = catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
        assert!(checked.is_ok(), "{name} fails on {}", path.display());
    }
    let seeds: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let until = seconds().map(|length| Instant::now() + length);
    let tried = Cell::new(0_u64);
    loop {
        let config = Config {
            cases: if until.is_some() { 64 } else { target.cases },
            failure_persistence: None,
            max_shrink_time: 20_000,
            ..Config::default()
        };
        SHRINKING.set(true);
        let run = TestRunner::new(config).run(&mutate::inputs(target, seeds.clone()), |input| {
            tried.set(tried.get() + 1);
            (target.check)(&input);
            Ok(())
        });
        SHRINKING.set(false);
        if let Err(TestError::Fail(reason, input)) = run {
            panic!("{name}: {reason}\n{}", keep(name, &input));
        }
        if until.is_none_or(|until| Instant::now() >= until) {
            break;
        }
    }
    assert!(tried.get() > 0);
    eprintln!("{name}: {} inputs", tried.get());
}

/// Writes an input down, so that it can be looked at and kept.
fn keep(name: &str, input: &[u8]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz").join(name);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!(
        "{:x}.bin",
        input.iter().fold(5381_u64, |hash, &byte| hash.wrapping_mul(33) ^ u64::from(byte))
    ));
    fs::write(&path, input).unwrap();
    format!(
        "the input is in {}; copy it into rust/fuzz/corpus/{name}/ with the repair\n{}",
        path.display(),
        input[..input.len().min(2000)].escape_ascii()
    )
}

#[test]
fn json() {
    fuzz("json");
}

#[test]
fn sse() {
    fuzz("sse");
}

#[test]
fn snapshot() {
    fuzz("snapshot");
}

#[test]
fn journal() {
    fuzz("journal");
}

#[test]
fn request() {
    fuzz("request");
}

#[test]
fn answer() {
    fuzz("answer");
}
