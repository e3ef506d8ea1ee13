//! What the store must reach on traces.

use ferrogate_sim::cache::{Policy, Sizes, Trace};

#[test]
fn the_store_is_near_the_best_known_policy() {
    let requests = 150_000;
    for sizes in [Sizes::Equal(1000), Sizes::Spread(1000)] {
        let trace = Trace::zipf(10_000, 1.0, 2 * requests, sizes, 0);
        for hundredths in [2, 10, 25] {
            let bytes = trace.bytes() * hundredths / 100;
            let rate = |policy: Policy| policy.hit_rate(&trace, bytes, requests);
            let own = rate(Policy::Own);
            let best = [Policy::Recency, Policy::Frequency, Policy::Queues]
                .map(rate)
                .into_iter()
                .fold(0.0, f64::max);
            assert!(own >= 0.97 * best, "{sizes:?} {hundredths} %: {own} of {best}");
            assert!(own <= rate(Policy::Oracle), "nothing beats the future");
        }
    }
}

#[test]
fn the_store_follows_what_is_asked_for() {
    let requests = 150_000;
    let trace = Trace::zipf(10_000, 1.0, 2 * requests, Sizes::Spread(1000), 5000);
    for hundredths in [2, 10] {
        let bytes = trace.bytes() * hundredths / 100;
        let rate = |policy: Policy| policy.hit_rate(&trace, bytes, requests);
        let (own, recency) = (rate(Policy::Own), rate(Policy::Recency));
        assert!(own > recency, "{hundredths} %: {own} and {recency}");
    }
}
