//! Runs selections and nothing else, to be counted: `perf stat -e instructions:u cost LANES TIMES`.
//!
//! Time passes by a millisecond a selection, so ticks are in the count. With TIMES 0 it counts what is not selection.
//! Prints the CPU time a selection as the process's own clock has it.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_core::balance::{Dice, LaneTables, Member, Moment, Pool};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<u32>().ok());
    let lanes = numbers.next().unwrap_or(10);
    let times = numbers.next().unwrap_or(1_000_000);
    let affine = std::env::args().any(|text| text == "affinity");
    let mut tables = LaneTables::default();
    let members = (0..lanes).map(|lane| Member {
        lane: tables.table(&format!("key{lane}")).lane("model"),
        tier: 0,
        weight: 1.0,
    });
    let pool = Arc::new(Pool::new(members.collect()));
    let mut dice = Dice::new(1);
    let at = |step: u32| Moment::after_start(Duration::from_millis(u64::from(step) + 1));
    for step in 0..lanes * 20 {
        let now = at(step);
        for member in pool.members().iter().skip(usize::try_from(step % lanes).unwrap_or(0)).take(1) {
            let mut guard = member.lane.begin(now);
            guard.first_token(now.plus(Duration::from_millis(300 + u64::from(step % 7) * 10)));
            guard.success(now.plus(Duration::from_secs(1)), Some(50));
        }
    }
    let begun = Instant::now();
    for step in 0..times {
        let now = at(lanes * 20 + 20_000 + step);
        let mut order = pool.order(now);
        if affine {
            order = order.with_affinity(u64::from(step));
        }
        drop(order.next(now, &mut dice));
    }
    let each = begun.elapsed().checked_div(times).unwrap_or_default();
    writeln!(io::stdout(), "{lanes} lanes, {times} selections with begin and end: {each:?} each")
}
