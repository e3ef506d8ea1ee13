//! Prints hit rates: `cargo run --profile quick --example cache -p ferrogate-sim [KEYS REQUESTS]`.
//!
//! Shares of requests that are answered from a cache of a share of all bytes, in hundredths, after as many requests to
//! warm up as are counted.

use std::io::{self, Write};

use ferrogate_sim::cache::{Policy, Sizes, Trace};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<u32>().ok());
    let keys = numbers.next().unwrap_or(50_000);
    let requests = numbers.next().unwrap_or(1_000_000) as usize;
    let mut out = io::stdout();
    for (name, sizes, shift) in [
        ("Zipf(1.0), bodies of 1,000 bytes", Sizes::Equal(1000), 0),
        ("Zipf(1.0), bodies log-normal about 1,000 bytes", Sizes::Spread(1000), 0),
        ("Zipf(1.0), log-normal, a hundredth of the ranks dealt anew every 5,000", Sizes::Spread(1000), 5000),
    ] {
        let trace = Trace::zipf(keys, 1.0, 2 * requests, sizes, shift);
        writeln!(out, "\n{name}; {keys} keys, {requests} requests")?;
        write!(out, "| size |")?;
        for policy in Policy::ALL {
            write!(out, " {} |", policy.name())?;
        }
        for hundredths in [1, 5, 10, 25] {
            let bytes = trace.bytes() * hundredths / 100;
            write!(out, "\n| {hundredths} % |")?;
            for policy in Policy::ALL {
                write!(out, " {:.2} |", 100.0 * policy.hit_rate(&trace, bytes, requests))?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
