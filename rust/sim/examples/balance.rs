//! Prints the comparison: `cargo run --profile quick --example balance -p ferrogate-sim [FIRST LAST]`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let bounds: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let (first, last) = match bounds[..] {
        [first, last, ..] => (first, last),
        _ => (1, 20),
    };
    let seeds: Vec<_> = (first..=last).collect();
    let mut err = io::stderr();
    let report = ferrogate_sim::run(&ferrogate_sim::all(), &seeds, |done, of| {
        let _ = write!(err, "\r{done} of {of} ");
    });
    let _ = writeln!(err);
    write!(io::stdout(), "{report}")
}
