use super::*;

fn document(text: &str) -> Result<Script, String> {
    let members = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Script::from_json(&members)
}

#[test]
fn json_takes_dashes_underscores_and_arrays() {
    let script =
        document(r#"{"delay_ms": 5, "cut-after": 2, "usage": [7, 8], "hang": false, "ttft_ms": null}"#)
            .unwrap();
    assert_eq!(script.delay_ms, Some(5.0));
    assert_eq!(script.cut_after, Some(2));
    assert_eq!(script.usage, Some(Usage { input: 7, output: 8, cached: 0 }));
    assert_eq!((script.hang, script.ttft_ms), (Some(false), None));
}

#[test]
fn wrong_values_are_named() {
    for (text, part) in [
        (r#"{"status": 700}"#, "status"),
        (r#"{"chunks": -1}"#, "chunks"),
        (r#"{"error_rate": 1.5}"#, "error-rate"),
        (r#"{"rate_limit_rps": 0}"#, "rate-limit-rps"),
        (r#"{"hang": "maybe"}"#, "hang"),
        (r#"{"usage": "1"}"#, "usage"),
        (r#"{"stattus": 500}"#, "stattus"),
        ("[]", "map"),
    ] {
        let error = document(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn headers_win_over_the_layer_below() {
    let mut headers = HeaderMap::new();
    assert!(Script::from_headers(&headers).unwrap().is_none());
    headers.insert("x-mock-status", HeaderValue::from_static("503"));
    let mut lower = Script::default();
    lower.set("status", "429").unwrap();
    lower.set("chunks", "3").unwrap();
    let script = Script::from_headers(&headers).unwrap().unwrap().over(&lower);
    assert_eq!((script.status, script.chunks), (Some(503), Some(3)));
    headers.insert("x-mock-error-rate", HeaderValue::from_static("0.5"));
    assert!(Script::from_headers(&headers).is_err());
}

#[test]
fn pace_prefers_chunk_ms_over_the_token_rate() {
    let mut script = Script::default();
    assert_eq!(script.pace(100, 10), Duration::ZERO);
    script.set("tokens-per-second", "100").unwrap();
    assert_eq!(script.pace(100, 10), Duration::from_millis(100));
    assert_eq!(script.delay(50), Duration::from_millis(500));
    script.set("chunk-ms", "3").unwrap();
    assert_eq!(script.pace(100, 10), Duration::from_millis(3));
}

#[test]
fn the_first_event_spreads_around_its_median() {
    let mut script = Script::default();
    script.set("ttft-ms", "100").unwrap();
    assert_eq!(script.first_event(7), Duration::from_millis(100));
    script.set("ttft-spread", "0.5").unwrap();
    assert_eq!(script.first_event(7), script.first_event(7));
    let mut waits: Vec<_> = (0..2001).map(|id| script.first_event(id).as_secs_f64() * 1e3).collect();
    waits.sort_by(f64::total_cmp);
    // The quantiles of a log-normal distribution lie at 100 times the exponentials of the normal's.
    for (rank, quantile) in [(1000, 0.0f64), (1682, 1.0), (318, -1.0)] {
        let expected = 100.0 * (0.5 * quantile).exp();
        assert!((waits[rank] / expected - 1.0).abs() < 0.1, "{rank}: {} for {expected}", waits[rank]);
    }
}
