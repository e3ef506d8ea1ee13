//! The verifier from outside: what it asks for, what it keeps, what it says.

use super::*;

pub(super) fn settings() -> Settings {
    Settings {
        configured: 0.8,
        target: 0.02,
        share: 0.5,
        per_minute: 6,
        frozen: false,
        patience: PATIENCE,
        embedder: "minilm".to_owned(),
        model: "openai/gpt-4o-mini".to_owned(),
    }
}

/// Calibrations enough, after which a cosine below 0.8 is an error and 2 in 401 are there by chance.
pub(super) fn calibrated(settings: Settings) -> Verifier {
    let verifier = Verifier::new(settings);
    (0..400).for_each(|_| verifier.calibrate(0.8));
    verifier
}

pub(super) fn feed(verifier: &Verifier, similarity: f32, right: usize, wrong: usize) {
    (0..wrong).for_each(|_| _ = verifier.observe(7, similarity, 0.5));
    (0..right).for_each(|_| _ = verifier.observe(7, similarity, 0.9));
}

fn threshold_is(verifier: &Verifier, expected: f32) {
    assert_eq!(verifier.threshold().to_bits(), expected.to_bits(), "{}", verifier.threshold());
}

#[test]
fn the_share_and_the_budget_bound_what_is_asked() {
    // A calibration, three checks, a calibration.
    let verifier = calibrated(Settings { per_minute: 7, ..settings() });
    assert_eq!(verifier.wants(0, 0.5), None);
    assert_eq!(verifier.wants(0, f64::NAN), None);
    let calls: usize = (0..59_999)
        .filter_map(|now| verifier.wants(now, 0.1))
        .map(|sample| if sample == Sample::Check { 1 } else { 2 })
        .sum();
    assert_eq!(calls, 7);
    assert_eq!(Verifier::new(Settings { share: 0.0, ..settings() }).wants(0, 0.0), None);
}

#[test]
fn calibrations_come_first_and_go_on() {
    let verifier = Verifier::new(Settings { per_minute: 100_000, ..settings() });
    for _ in 0..200 {
        assert_eq!(verifier.wants(0, 0.0), Some(Sample::Calibration));
        verifier.calibrate(0.9);
    }
    let checks = |count: u64| (0..count).filter(|_| verifier.wants(0, 0.0) == Some(Sample::Check)).count();
    assert_eq!(checks(400), 300);
    (0..600).for_each(|_| verifier.calibrate(0.9));
    assert_eq!(checks(400), 380);
}

#[test]
fn a_verdict_needs_a_cut() {
    let verifier = Verifier::new(settings());
    assert_eq!(verifier.observe(0, 0.9, 0.1), Verdict::Untold);
    let verifier = calibrated(settings());
    assert_eq!(verifier.observe(0, 0.9, 0.79), Verdict::Different);
    assert_eq!(verifier.observe(0, 0.9, 0.8), Verdict::Alike);
    assert_eq!(verifier.observe(0, 0.9, f32::NAN), Verdict::Untold);
    assert_eq!((verifier.report().samples, verifier.report().unjudged), (2, 1));
}

#[test]
fn samples_that_come_to_nothing_become_rare() {
    let verifier = Verifier::new(Settings { per_minute: 100_000, ..settings() });
    (0..50).for_each(|_| verifier.unjudged());
    assert_eq!((verifier.wants(0, 0.1), verifier.wants(0, 0.04)), (None, Some(Sample::Calibration)));
    (0..6).for_each(|_| verifier.calibrate(0.9));
    assert!(verifier.wants(0, 0.1).is_some());
}

#[test]
fn what_was_learned_outlives_a_restart() {
    let verifier = calibrated(settings());
    feed(&verifier, 0.9, 190, 0);
    feed(&verifier, 0.81, 0, 12);
    assert!(verifier.threshold() > 0.81);
    let written = serde_json::to_string(&verifier.snapshot()).unwrap();
    let again = Verifier::restore(settings(), serde_json::from_str(&written).unwrap());
    threshold_is(&again, verifier.threshold());
    assert_eq!(again.report(), verifier.report());
}

#[test]
fn what_was_learned_goes_with_what_it_was_learned_of() {
    let verifier = calibrated(settings());
    feed(&verifier, 0.9, 190, 0);
    feed(&verifier, 0.81, 0, 12);
    for (other, says) in [
        (Settings { embedder: "ada".to_owned(), ..settings() }, "the embedder was minilm and is ada"),
        (Settings { model: "x/y".to_owned(), ..settings() }, "the model was openai/gpt-4o-mini and is x/y"),
        (Settings { configured: 0.75, ..settings() }, "the configured threshold was 0.8 and is 0.75"),
    ] {
        let again = Verifier::restore(other.clone(), verifier.snapshot());
        threshold_is(&again, other.configured);
        let report = again.report();
        assert_eq!((report.samples, report.calibrations, report.history.len()), (0, 0, 1));
        assert!(report.discarded.unwrap().starts_with(says));
    }
    let lower = Verifier::restore(Settings { target: 0.01, ..settings() }, verifier.snapshot());
    threshold_is(&lower, verifier.threshold());
    assert_eq!((lower.report().calibrations, lower.report().discarded), (400, None));
    let higher = Verifier::restore(Settings { target: 0.05, ..settings() }, verifier.snapshot());
    threshold_is(&higher, 0.8);
    assert_eq!((higher.report().calibrations, higher.report().samples), (400, 0));
    assert!(higher.report().discarded.unwrap().starts_with("the target was 0.02 and is 0.05"));
}

#[test]
fn a_document_that_was_tampered_with_does_no_harm() {
    let mut learned = calibrated(settings()).snapshot();
    learned.threshold = 0.1;
    learned.since = usize::MAX;
    learned.calibrations.push(f32::NAN);
    threshold_is(&Verifier::restore(settings(), learned.clone()), 0.8);
    learned.threshold = 7.0;
    threshold_is(&Verifier::restore(settings(), learned), OFF);
    assert!(serde_json::from_str::<Learned>("{}").is_err());
}

#[test]
fn a_reset_forgets_and_is_remembered() {
    let verifier = calibrated(settings());
    feed(&verifier, 0.9, 0, 200);
    threshold_is(&verifier, OFF);
    verifier.reset(9);
    threshold_is(&verifier, 0.8);
    let report = verifier.report();
    assert_eq!((report.samples, report.calibrations), (0, 0));
    let last = report.history.last().unwrap();
    assert_eq!((last.at_ms, last.to, last.reason.as_str()), (9, 0.8, "reset by hand"));
}

#[test]
fn a_report_is_json() {
    let verifier = calibrated(settings());
    feed(&verifier, 0.9, 300, 0);
    let report = serde_json::to_value(verifier.report()).unwrap();
    assert_eq!((&report["phase"], &report["samples"]), (&"within".into(), &300.into()));
    assert_eq!(report["cut"]["state"], "at");
    assert_eq!(
        report["says"],
        "0 of 300 checks differ, 0.0 % beyond chance and at most 0.4 %, within the target of 2.0 %"
    );
}
