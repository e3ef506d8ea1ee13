//! What a route's verifier has behind its lock, and the rule by which the threshold moves.

use std::collections::VecDeque;

use super::budget::Budget;
use super::calibration::Calibrations;
use super::checks::{Check, Checks, Measure, Next, Tally};
use super::learned::Learned;
use super::report::{Cut, Move, Phase, Report};
use super::wilson::Rate;
use super::{BETWEEN, CALIBRATIONS, LEAST, OFF, Sample, Settings, Verdict, WINDOW};

/// Moves that are remembered.
pub(super) const HISTORY: usize = 50;
/// Of so many samples, one is a calibration: while the cut is still coarse, and later.
const COARSE: u64 = 4;
const FINE: u64 = 20;
/// Samples where nothing can be told are so much rarer.
const RARER: f64 = 0.1;
/// Samples that came to nothing before that is taken for the rule.
const VAIN: u64 = 50;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) threshold: f32,
    pub(super) checks: Checks,
    same: Calibrations,
    cut: Option<Cut>,
    /// Checks since the threshold was looked at.
    pub(super) since: usize,
    pub(super) history: VecDeque<Move>,
    pub(super) discarded: Option<String>,
    budget: Budget,
    turn: u64,
    judged: u64,
    unjudged: u64,
}

/// The threshold, judged.
enum Judged {
    Not(Cut),
    By(Measure, Tally, Rate),
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        // The first look waits for `LEAST` alone.
        Self { threshold: settings.configured, since: BETWEEN, ..Self::default() }
    }

    pub(super) fn recall(&mut self, settings: &Settings, same: Calibrations) {
        self.cut = Some(same.cut(settings.target));
        self.same = same;
    }

    fn cut(&self, settings: &Settings) -> Cut {
        self.cut.unwrap_or_else(|| self.same.cut(settings.target))
    }

    pub(super) const fn threshold(&self) -> f32 {
        self.threshold
    }

    pub(super) fn wants(&mut self, settings: &Settings, now: u64, uniform: f64) -> Option<Sample> {
        if self.in_vain(settings) && uniform >= settings.share * RARER {
            return None;
        }
        let have = self.same.len();
        let every = if have < CALIBRATIONS { COARSE } else { FINE };
        let calibrate = have < Calibrations::needed(settings.target) || self.turn.is_multiple_of(every);
        let (sample, calls) = if calibrate { (Sample::Calibration, 2) } else { (Sample::Check, 1) };
        if !self.budget.take(now, calls, usize::try_from(settings.per_minute).unwrap_or(usize::MAX)) {
            return None;
        }
        self.turn += 1;
        Some(sample)
    }

    /// Whether more of the same would tell no more.
    fn in_vain(&self, settings: &Settings) -> bool {
        let nearly_none = self.unjudged >= VAIN && self.unjudged > 9 * self.judged;
        nearly_none || matches!(self.cut(settings), Cut::Blind { .. })
    }

    pub(super) fn observe(
        &mut self,
        settings: &Settings,
        now: u64,
        similarity: f32,
        answers: f32,
    ) -> Verdict {
        if !similarity.is_finite() || !answers.is_finite() {
            self.unjudged();
            return Verdict::Untold;
        }
        self.judged += 1;
        // Asked for before the threshold rose, answered after it: it says nothing about what is served now.
        if similarity >= self.threshold {
            self.checks.add(Check { similarity, answers });
            self.since += 1;
            if self.since >= BETWEEN && !settings.frozen {
                self.look(settings, now);
            }
        }
        match self.cut(settings) {
            Cut::At { cosine, .. } if answers < cosine => Verdict::Different,
            Cut::At { .. } => Verdict::Alike,
            Cut::Few { .. } | Cut::Blind { .. } => Verdict::Untold,
        }
    }

    pub(super) fn calibrate(&mut self, settings: &Settings, answers: f32) {
        if answers.is_finite() {
            self.judged += 1;
            self.same.add(answers);
            self.cut = Some(self.same.cut(settings.target));
        } else {
            self.unjudged();
        }
    }

    pub(super) const fn unjudged(&mut self) {
        self.unjudged += 1;
    }

    pub(super) fn reset(&mut self, settings: &Settings, now: u64) {
        let history = std::mem::take(&mut self.history);
        let budget = std::mem::take(&mut self.budget);
        let from = self.threshold;
        *self = Self { history, budget, ..Self::new(settings) };
        self.remember(Move { at_ms: now, from, to: settings.configured, reason: "reset by hand".to_owned() });
    }

    fn judge(&self, settings: &Settings) -> Judged {
        match self.cut(settings) {
            Cut::At { cosine, by_chance } => {
                let measure = Measure { cosine, by_chance, target: settings.target };
                let tally = self.checks.tally(self.threshold, cosine);
                Judged::By(measure, tally, measure.rate(tally))
            }
            cut => Judged::Not(cut),
        }
    }

    fn phase(&self, settings: &Settings, judged: &Judged) -> Phase {
        match judged {
            _ if self.threshold >= OFF => Phase::Off,
            Judged::Not(Cut::Blind { .. }) => Phase::Blind,
            Judged::Not(_) => Phase::Calibrating,
            Judged::By(_, tally, _) if tally.samples < LEAST => Phase::Collecting,
            Judged::By(_, _, rate) if rate.upper <= settings.target => Phase::Within,
            Judged::By(_, tally, rate)
                if rate.seen > settings.target || tally.samples >= settings.patience =>
            {
                Phase::Over
            }
            Judged::By(..) => Phase::InDoubt,
        }
    }

    fn look(&mut self, settings: &Settings, now: u64) {
        let judged = self.judge(settings);
        let phase = self.phase(settings, &judged);
        let Judged::By(measure, tally, rate) = judged else { return };
        if tally.samples < LEAST {
            return;
        }
        self.since = 0;
        if phase != Phase::Over {
            return;
        }
        let next = self.checks.next(self.threshold, &measure);
        let (from, to) = (self.threshold, next.threshold());
        let reason = format!("{}; {}", over(tally, rate, settings.target), whither(next, &measure));
        self.threshold = to;
        self.checks.drop_below(to);
        self.remember(Move { at_ms: now, from, to, reason });
    }

    fn remember(&mut self, moved: Move) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(moved);
    }

    pub(super) fn learned(&self, settings: &Settings) -> Learned {
        Learned {
            embedder: settings.embedder.clone(),
            model: settings.model.clone(),
            configured: settings.configured,
            target: settings.target,
            threshold: self.threshold,
            since: self.since,
            checks: self.checks.all(),
            calibrations: self.same.all(),
            history: self.history.iter().cloned().collect(),
        }
    }

    pub(super) fn report(&self, settings: &Settings) -> Report {
        let judged = self.judge(settings);
        let phase = self.phase(settings, &judged);
        let (cut, samples, tally, rate) = match judged {
            Judged::Not(cut) => (cut, self.checks.tally(self.threshold, 0.0).samples, None, None),
            Judged::By(Measure { cosine, by_chance, .. }, tally, rate) => {
                (Cut::At { cosine, by_chance }, tally.samples, Some(tally), Some(rate))
            }
        };
        Report {
            configured: settings.configured,
            threshold: (self.threshold < OFF).then_some(self.threshold),
            target: settings.target,
            phase,
            says: says(phase, cut, samples, tally.zip(rate), settings),
            frozen: settings.frozen,
            samples,
            errors: tally.map(|tally| tally.errors),
            error: rate.map(|rate| rate.seen),
            lower: rate.map(|rate| rate.lower),
            upper: rate.map(|rate| rate.upper),
            cut,
            calibrations: self.same.len(),
            unjudged: self.unjudged,
            history: self.history.iter().cloned().collect(),
            discarded: self.discarded.clone(),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn over(tally: Tally, rate: Rate, target: f64) -> String {
    format!(
        "{} of {} checks differ, {} beyond chance and at most {}, over the target of {}",
        tally.errors,
        tally.samples,
        percent(rate.seen),
        percent(rate.upper),
        percent(target)
    )
}

fn whither(next: Next, measure: &Measure) -> String {
    let told = |tally| {
        let rate = measure.rate(tally);
        format!("{} of {} differ, at most {}", tally.errors, tally.samples, percent(rate.upper))
    };
    match next {
        Next::Shown(to, tally) => format!("from {to} up {}", told(tally)),
        Next::Trial(to, tally) => format!("from {to} up {}: on trial until {LEAST} checks", told(tally)),
        Next::Off => "at no similarity is it within: semantic hits are off".to_owned(),
    }
}

fn says(
    phase: Phase,
    cut: Cut,
    samples: usize,
    judged: Option<(Tally, Rate)>,
    settings: &Settings,
) -> String {
    let numbers = || judged.map_or_else(String::new, |(tally, rate)| over(tally, rate, settings.target));
    match (phase, cut) {
        (Phase::Off, _) => {
            "semantic hits are off: at no similarity was the error within the target".to_owned()
        }
        (_, Cut::Few { have, need }) => {
            format!("{have} of {need} calibrations; {samples} checks wait for them")
        }
        (_, Cut::Blind { at }) => format!(
            "answers to the same prompt differ down to a cosine of {at:.2}, so that a wrong one cannot be told; \
             the threshold does not move"
        ),
        (Phase::Collecting, _) => format!("{samples} of {LEAST} checks at this threshold"),
        (Phase::Over, _) if settings.frozen => format!("{}; frozen, so it stays", numbers()),
        (Phase::Over, _) => format!("{}; it rises at the next look", numbers()),
        (Phase::InDoubt, _) => {
            format!("{}; in doubt until {} checks", numbers(), settings.patience.min(WINDOW))
        }
        _ => numbers().replace("over the target", "within the target"),
    }
}
