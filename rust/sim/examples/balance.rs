//! Prints the comparison: `cargo run --profile quick --example balance -p ferrogate-sim [FIRST LAST [LOAD ATTEMPTS]]`.
//!
//! Seeds from FIRST to LAST; LOAD times the requests; ATTEMPTS a request.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, other: u64| given.get(at).and_then(|text| text.parse().ok()).unwrap_or(other);
    let seeds: Vec<_> = (number(0, 1)..=number(1, 20)).collect();
    let load = given.get(2).and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let attempts = usize::try_from(number(3, 3)).unwrap_or(3);
    let scenarios: Vec<_> = ferrogate_sim::all()
        .into_iter()
        .map(|scenario| scenario.scaled(load).with_attempts(attempts))
        .collect();
    let mut err = io::stderr();
    let report = ferrogate_sim::run(&scenarios, &seeds, |done, of| {
        let _ = write!(err, "\r{done} of {of} ");
    });
    let _ = writeln!(err);
    write!(io::stdout(), "{report}")
}
