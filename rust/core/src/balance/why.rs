//! One sentence on each lane, for the live table: its multiplier, and why.

use super::Moment;
use super::lane::Standing;
use super::pool::Pool;
use super::tuning::{ALIKE, RAMP, SLOW};

impl Pool {
    /// Why a lane has the multiplier and the share that it has.
    pub fn why(&self, index: usize, now: Moment) -> String {
        let Some(member) = self.members.get(index) else { return String::new() };
        let lane = &member.lane;
        let left = |until: Moment| until.since(now).as_secs_f64();
        match lane.standing(now) {
            Standing::KeyRefused => "its key was refused; change it".to_owned(),
            Standing::Cooling(until, true) => format!("429; told to wait {:.1} s more", left(until)),
            Standing::Cooling(until, false) => format!("429 or used up; left alone for {:.1} s", left(until)),
            Standing::Resting(until) => format!("faults; rests for {:.1} s", left(until)),
            Standing::Probing => "faults; probed one at a time".to_owned(),
            Standing::Full(_) => {
                format!("at its learned limit of {:.1} a second", lane.ceiling(now).unwrap_or_default())
            }
            Standing::Ready => self.why_ready(index, now),
        }
    }

    fn why_ready(&self, index: usize, now: Moment) -> String {
        let lane = &self.members[index].lane;
        let ratio = self.table.load().rows.get(index).map_or(1.0, |row| row.ratio);
        let (stalled, judged) = (lane.stalled(now), lane.judged(now));
        let ramp = lane.ramp(now);
        if ratio >= SLOW && lane.ttft().is_none_or(|ttft| stalled > ttft) {
            format!("nothing came for {:.1} s", stalled.as_secs_f64())
        } else if ratio >= SLOW && judged.faults > 0 {
            format!("{:.1} times the best lane's cost, with {} faults in 20 s", ratio, judged.faults)
        } else if ratio >= SLOW {
            format!("{ratio:.1} times the best lane's wait")
        } else if ramp < 1.0 {
            format!(
                "new or back: at {:.0} % of its share, all of it after {} s",
                ramp * 100.0,
                RAMP.as_secs()
            )
        } else if judged.faults > 0 {
            format!("{} faults in 20 s", judged.faults)
        } else if ratio > ALIKE {
            format!("{ratio:.1} times the best lane's wait; gets less")
        } else if lane.ttft().is_none() {
            "not used yet".to_owned()
        } else {
            "does well".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::bench::{Bench, FAULT};
    use super::super::{Class, Hints};

    #[test]
    fn every_state_has_its_sentence() {
        let mut bench = Bench::even(4);
        assert_eq!(bench.pool.why(0, bench.at()), "not used yet");
        bench.counts(200, |lane| if lane == 3 { 1_500 } else { 300 });
        assert_eq!(bench.pool.why(0, bench.at()), "does well");
        assert!(bench.pool.why(3, bench.at()).ends_with("times the best lane's wait"));
        let hints = Hints { retry_after: Some(Duration::from_secs(5)), ..Hints::default() };
        bench.fail(0, Class::Limited, &hints);
        assert_eq!(bench.pool.why(0, bench.at()), "429; told to wait 5.0 s more");
        (0..5).for_each(|_| bench.fail(1, Class::Lane, &Hints::default()));
        assert_eq!(bench.pool.why(1, bench.at()), "faults; rests for 1.0 s");
        bench.lane(2).begin(bench.at()).failure(bench.at(), FAULT, Class::Key, &Hints::default());
        assert_eq!(bench.pool.why(2, bench.at()), "its key was refused; change it");
        bench.now += 1_000;
        assert_eq!(bench.pool.why(1, bench.at()), "faults; probed one at a time");
    }
}
