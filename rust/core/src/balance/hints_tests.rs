use super::*;

const NOW: Wall = Wall(Duration::from_secs(1_755_780_000)); // 2025-08-21T12:40:00Z

fn read(headers: &[(&str, &'static str)]) -> Hints {
    Hints::read(|name| headers.iter().find(|(held, _)| *held == name).map(|(_, value)| *value), NOW)
}

#[expect(clippy::unnecessary_wraps, reason = "what is compared is optional")]
fn millis(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

#[test]
fn every_form_of_retry_after() {
    let table: &[(&str, &'static str, Option<Duration>)] = &[
        ("retry-after", "6", millis(6_000)),
        ("retry-after", "0", millis(0)),
        ("retry-after", " 1.5 ", millis(1_500)),
        ("retry-after", "Thu, 21 Aug 2025 12:40:30 GMT", millis(30_000)),
        ("retry-after", "Thu, 21 Aug 2025 12:00:00 GMT", millis(0)),
        ("retry-after", "2m59.56s", millis(179_560)),
        ("retry-after-ms", "250", millis(250)),
        ("x-ms-retry-after-ms", "40", millis(40)),
        ("x-amz-retry-after", "1500", millis(1_500)),
        ("retry-after", "-1", None),
        ("retry-after", "inf", None),
        ("retry-after", "1e9", None),
        ("retry-after", "later", None),
        ("retry-after", "", None),
    ];
    for (name, value, wanted) in table {
        assert_eq!(read(&[(name, value)]).retry_after, *wanted, "{name}: {value}");
    }
    assert_eq!(
        read(&[("retry-after", "1"), ("retry-after-ms", "250")]).retry_after,
        millis(250),
        "the finer"
    );
}

#[test]
fn limits_of_every_provider() {
    let openai = read(&[
        ("x-ratelimit-limit-requests", "5000"),
        ("x-ratelimit-remaining-requests", "4999"),
        ("x-ratelimit-reset-requests", "12ms"),
        ("x-ratelimit-limit-tokens", "160000"),
        ("x-ratelimit-remaining-tokens", "16000"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ]);
    assert_eq!((openai.requests_limit, openai.requests_remaining), (Some(5_000), Some(4_999)));
    assert_eq!((openai.requests_reset, openai.tokens_reset), (millis(12), millis(360_000)));
    assert!((openai.headroom() - 0.1).abs() < 1e-9);

    let azure = read(&[
        ("x-ratelimit-limit-tokens", "-1"),
        ("x-ratelimit-remaining-tokens", "-1"),
        ("x-ratelimit-remaining-requests", "12"),
        ("x-ratelimit-reset-tokens", "7"),
    ]);
    assert_eq!((azure.tokens_limit, azure.tokens_remaining), (None, None), "unknown");
    assert_eq!((azure.requests_remaining, azure.tokens_reset), (Some(12), millis(7_000)));

    let groq = read(&[("x-ratelimit-reset-requests", "2m59.56s"), ("x-ratelimit-reset-tokens", "7.66s")]);
    assert_eq!((groq.requests_reset, groq.tokens_reset), (millis(179_560), millis(7_660)));

    let anthropic = read(&[
        ("anthropic-ratelimit-requests-limit", "1000"),
        ("anthropic-ratelimit-requests-remaining", "999"),
        ("anthropic-ratelimit-requests-reset", "2025-08-21T12:40:59Z"),
        ("anthropic-ratelimit-tokens-limit", "96000"),
        ("anthropic-ratelimit-tokens-remaining", "90000"),
        ("anthropic-ratelimit-output-tokens-limit", "16000"),
        ("anthropic-ratelimit-output-tokens-remaining", "800"),
        ("anthropic-ratelimit-output-tokens-reset", "2025-08-21T12:40:20Z"),
    ]);
    assert_eq!(anthropic.requests_reset, millis(59_000));
    assert_eq!(anthropic.tokens_remaining, Some(800), "the scarcest kind");
    assert_eq!(anthropic.tokens_reset, millis(20_000));

    let mistral = read(&[
        ("x-ratelimitbysize-limit-minute", "500000"),
        ("x-ratelimitbysize-remaining-minute", "499000"),
        ("ratelimitbysize-reset", "42"),
    ]);
    assert_eq!((mistral.tokens_limit, mistral.tokens_reset), (Some(500_000), millis(42_000)));
    let mistral = read(&[("x-ratelimit-remaining-req-minute", "59"), ("x-ratelimit-limit-req-minute", "60")]);
    assert_eq!((mistral.requests_remaining, mistral.requests_limit), (Some(59), Some(60)));

    let cohere = read(&[("x-trial-endpoint-call-limit", "40"), ("x-trial-endpoint-call-remaining", "38")]);
    assert_eq!((cohere.requests_limit, cohere.requests_remaining), (Some(40), Some(38)));

    let cerebras = read(&[
        ("x-ratelimit-limit-requests-day", "14400"),
        ("x-ratelimit-remaining-requests-day", "13693"),
        ("x-ratelimit-reset-requests-day", "11726.25"),
        ("x-ratelimit-limit-tokens-minute", "60000"),
        ("x-ratelimit-remaining-tokens-minute", "600"),
        ("x-ratelimit-reset-tokens-minute", "26.5"),
    ]);
    assert_eq!((cerebras.requests_limit, cerebras.requests_remaining), (Some(14_400), Some(13_693)));
    assert_eq!((cerebras.requests_reset, cerebras.tokens_reset), (millis(11_726_250), millis(26_500)));
    assert!((cerebras.headroom() - 0.01).abs() < 1e-9);
    let minute = read(&[
        ("x-ratelimit-remaining-requests-day", "9"),
        ("x-ratelimit-remaining-requests-minute", "0"),
        ("x-ratelimit-reset-requests-minute", "20"),
    ]);
    assert_eq!((minute.requests_remaining, minute.requests_reset), (Some(0), millis(20_000)), "the nearer");

    let fireworks = read(&[
        ("x-ratelimit-limit-tokens-prompt", "120000"),
        ("x-ratelimit-remaining-tokens-prompt", "119900"),
        ("x-ratelimit-limit-tokens-generated", "1200"),
        ("x-ratelimit-remaining-tokens-generated", "60"),
    ]);
    assert_eq!((fireworks.tokens_limit, fireworks.tokens_remaining), (Some(1_200), Some(60)), "the scarcest");

    let together = read(&[
        ("x-ratelimit-limit", "10"),
        ("x-ratelimit-remaining", "9"),
        ("x-tokenlimit-limit", "3000"),
        ("x-tokenlimit-remaining", "30"),
        ("x-tokenlimit-reset", "1"),
    ]);
    assert_eq!((together.requests_limit, together.tokens_remaining), (Some(10), Some(30)));
    assert_eq!(together.tokens_reset, millis(1_000));

    let unix = read(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1755780030000")]);
    assert_eq!((unix.requests_remaining, unix.requests_reset), (Some(0), millis(30_000)));
    let draft = read(&[("ratelimit-limit", "100, 100;w=60"), ("ratelimit-reset", "53")]);
    assert_eq!((draft.requests_limit, draft.requests_reset), (Some(100), millis(53_000)));
}

#[test]
fn delays_of_bodies() {
    assert_eq!(Hints::delay("34.074824224s"), Some(Duration::from_nanos(34_074_824_224)));
    assert_eq!(Hints::delay("10h17m5s"), millis(37_025_000));
    assert_eq!(Hints::delay("46"), millis(46_000));
    assert_eq!(Hints::delay("soon"), None);
    assert_eq!(Hints::delay(""), None);
}

#[test]
fn a_limit_that_is_used_up_says_how_long() {
    let used = |limit| {
        read(&[
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-limit-requests", limit),
            ("x-ratelimit-reset-requests", "60s"),
        ])
    };
    assert_eq!(used("60").wait(), millis(1_000), "one of sixty a minute is there after a second");
    assert_eq!(used("1").wait(), millis(60_000));
    let tokens = read(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "30s")]);
    assert_eq!(tokens.wait(), millis(3_000));
    assert_eq!(read(&[("x-ratelimit-remaining-requests", "1")]).wait(), None);
    assert!((Hints::default().headroom() - 1.0).abs() < 1e-9);
}

#[test]
fn nothing_that_a_provider_sends_is_too_much() {
    for value in
        ["99999999999999999999999", "1d2x", "µs", "1.2.3s", "9e99s", "18446744073709551615h", "é", "1µ"]
    {
        for (name, _) in FIELDS {
            read(&[(name, value), ("retry-after", value), ("retry-after-ms", value)]);
        }
        Hints::delay(value);
    }
}
