//! Puts answers until the store is full many times over and prints what memory the process has:
//! `cargo run --profile quick --example cache_memory -p ferrogate-sim [PUTS MEGABYTES MEDIAN]`.
//!
//! Bodies are log-normal about MEDIAN bytes. Linux only: the figures are `VmRSS` and `VmHWM` of /proc/self/status.

use std::io::{self, Write};
use std::time::Instant;

use ferrogate_core::cache::store::{Settings, Store};
use ferrogate_sim::cache::{entry, key};
use ferrogate_sim::random::Random;

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<u32>().ok());
    let puts = numbers.next().unwrap_or(1_000_000);
    let bytes = numbers.next().unwrap_or(256) as usize * 1_000_000;
    let median = f64::from(numbers.next().unwrap_or(1000));
    let store = Store::new(&Settings { bytes, stale: 0 });
    let mut random = Random::of(&[5]);
    let begun = Instant::now();
    let mut most = 0;
    for number in 0..puts {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a body")]
        let size = random.log_normal(median, 0.8) as usize;
        // Asked for twice now and then, so that all parts of the store are in use.
        let key = key(number);
        store.put(&key, entry(vec![b'x'; size]), 0);
        if number % 3 == 0 {
            store.get(&key, 0);
        }
        most = most.max(store.stats().bytes * usize::from(number % 1000 == 0));
    }
    let memory = std::fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| memory.lines().find(|line| line.starts_with(name)).unwrap_or("").to_owned();
    let stats = store.stats();
    let mut out = io::stdout();
    writeln!(out, "{puts} puts of about {median} bytes in {:?}", begun.elapsed())?;
    writeln!(out, "bound {bytes}, counted {} (most {most}), entries {}", stats.bytes, stats.entries)?;
    writeln!(out, "{}\n{}", of("VmRSS"), of("VmHWM"))
}
