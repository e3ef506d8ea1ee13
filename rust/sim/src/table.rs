//! The report as text.

use std::fmt::{self, Display, Formatter};

use crate::report::{Outcome, Report, Row};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds ({}..{}); mean ± half of the 95 % interval; ratios are of the p99 to the gateway's own\n",
            self.seeds.len(),
            self.seeds.first().unwrap_or(&0),
            self.seeds.last().unwrap_or(&0)
        )?;
        for outcome in &self.outcomes {
            write_outcome(f, outcome)?;
        }
        writeln!(f, "{:<76}{:>8}{:>8}", "promise", "value", "bar")?;
        for bar in &self.bars {
            let verdict = if bar.met { "" } else { "  missed" };
            writeln!(f, "{:<76}{:>8.3}{:>8.2}{verdict}", bar.what, bar.value, bar.bar)?;
        }
        Ok(())
    }
}

fn write_outcome(f: &mut Formatter<'_>, outcome: &Outcome) -> fmt::Result {
    writeln!(f, "{:<28}{:>20}{:>22}{:>8}", outcome.scenario, "answered %", "p99 first token, s", "ratio")?;
    let own = outcome.rows.first().map_or(1.0, |row| row.p99_ttft.mean);
    for row in &outcome.rows {
        write_row(f, row, own)?;
    }
    writeln!(f)
}

fn write_row(f: &mut Formatter<'_>, row: &Row, own: f64) -> fmt::Result {
    let (success, p99) = (row.success, row.p99_ttft);
    write!(f, "  {:<26}{:>12.3} ± {:<5.3}", row.policy, success.mean * 100.0, success.within * 100.0)?;
    writeln!(f, "{:>14.3} ± {:<5.3}{:>8.2}", p99.mean, p99.within, p99.mean / own)?;
    for watched in &row.watched {
        writeln!(f, "      {:<46}{:.3} ± {:.3}", watched.what, watched.value.mean, watched.value.within)?;
    }
    Ok(())
}
