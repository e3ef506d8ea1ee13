use proptest::option;
use proptest::prelude::*;

use super::super::{COLUMNS, Kept, Place, Record, RecordRef, Row, Value};
use super::row;

/// The columns in front of the payload's.
const PLACED: usize = COLUMNS.len() - 4;

fn texts() -> impl Strategy<Value = [Box<str>; 13]> {
    any::<[String; 13]>().prop_map(|texts| texts.map(Into::into))
}

fn optional() -> impl Strategy<Value = [Option<Box<str>>; 7]> {
    let text = || option::of(any::<String>().prop_map(Into::into));
    [text(), text(), text(), text(), text(), text(), text()]
}

fn place() -> impl Strategy<Value = Place> {
    let kept = prop_oneof![
        Just(Kept::Nothing),
        Just(Kept::Off),
        Just(Kept::Whole),
        Just(Kept::Truncated),
        Just(Kept::Shed)
    ];
    (kept, any::<(u64, u64, u32)>()).prop_map(|(kept, (segment, offset, length))| Place {
        kept,
        segment,
        offset,
        length,
    })
}

prop_compose! {
    fn any_record()(
        [request_id, door, tenant, gateway_key, operation, path, model, provider, upstream_model, key_id, key_name,
            outcome, cache] in texts(),
        [error, attempts_json, finish_reason, client_request_id, tags, veto, hooks] in optional(),
        similarity in proptest::option::of(0.0f32..1.0),
        [started_ms, duration_us, overhead_us, queue_us, request_bytes, response_bytes] in any::<[u64; 6]>(),
        [input_tokens, output_tokens, cached_tokens, ttft_us, upstream_us] in any::<[Option<u64>; 5]>(),
        (status, attempts, stream) in any::<(u16, u32, bool)>(),
        payload in place(),
    ) -> Record {
        Row {
            request_id, started_ms, door, tenant, gateway_key, operation, path, model, provider, upstream_model, key_id,
            key_name, status, outcome, error, stream, cache, attempts, attempts_json, input_tokens, output_tokens,
            cached_tokens, finish_reason, duration_us, ttft_us, overhead_us, queue_us, upstream_us, request_bytes,
            response_bytes, client_request_id, tags, similarity, veto, hooks, payload,
        }
    }
}

/// The same row with its texts borrowed.
fn borrow(record: &Record) -> RecordRef<'_> {
    Row {
        request_id: &record.request_id,
        started_ms: record.started_ms,
        door: &record.door,
        tenant: &record.tenant,
        gateway_key: &record.gateway_key,
        operation: &record.operation,
        path: &record.path,
        model: &record.model,
        provider: &record.provider,
        upstream_model: &record.upstream_model,
        key_id: &record.key_id,
        key_name: &record.key_name,
        status: record.status,
        outcome: &record.outcome,
        error: record.error.as_deref(),
        stream: record.stream,
        cache: &record.cache,
        attempts: record.attempts,
        attempts_json: record.attempts_json.as_deref(),
        input_tokens: record.input_tokens,
        output_tokens: record.output_tokens,
        cached_tokens: record.cached_tokens,
        finish_reason: record.finish_reason.as_deref(),
        duration_us: record.duration_us,
        ttft_us: record.ttft_us,
        overhead_us: record.overhead_us,
        queue_us: record.queue_us,
        upstream_us: record.upstream_us,
        request_bytes: record.request_bytes,
        response_bytes: record.response_bytes,
        client_request_id: record.client_request_id.as_deref(),
        tags: record.tags.as_deref(),
        similarity: record.similarity,
        veto: record.veto.as_deref(),
        hooks: record.hooks.as_deref(),
        payload: record.payload,
    }
}

fn encoded(record: &RecordRef<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.encode(false, &mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn what_is_encoded_borrowed_is_decoded_owned(record in any_record()) {
        prop_assert_eq!(Record::decode(&encoded(&borrow(&record))), Some(record));
    }

    #[test]
    fn any_bytes_decode_or_not_but_never_panic(bytes in any::<Vec<u8>>()) {
        for version in [1, 2, 3] {
            let mut versioned = vec![version];
            versioned.extend_from_slice(&bytes);
            if let Some(record) = Record::decode(&versioned) {
                prop_assert_eq!(Record::decode(&encoded(&borrow(&record))), Some(record));
            }
        }
    }

    #[test]
    fn columns_are_the_fields_in_order(record in any_record()) {
        let json = serde_json::to_string(&record).unwrap();
        let fields: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (name, value) in COLUMNS[..PLACED].iter().zip(record.columns()) {
            let expected = match &fields[name] {
                serde_json::Value::Null => Value::Null,
                serde_json::Value::Bool(truth) => Value::Int(i64::from(*truth)),
                serde_json::Value::String(text) => Value::Text(text),
                number if *name == "similarity" => {
                    let similarity = record.similarity.map(f64::from);
                    prop_assert_eq!(number.is_f64(), similarity.is_some());
                    similarity.map_or(Value::Null, Value::Real)
                }
                number => Value::Int(number.as_u64().map_or(i64::MAX, |n| i64::try_from(n).unwrap_or(i64::MAX))),
            };
            prop_assert_eq!(value, expected, "{}", name);
        }
    }
}

#[test]
fn the_struct_declares_its_fields_in_the_order_of_the_columns() {
    let json = serde_json::to_string(&row(1)).unwrap();
    let places: Vec<_> =
        COLUMNS[..PLACED].iter().map(|name| json.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted());
    assert_eq!(json.matches("\":").count(), PLACED);
}

#[test]
fn the_last_columns_are_the_place_of_the_payload() {
    let placed = Place { kept: Kept::Truncated, segment: 7, offset: 24, length: 90 };
    let kept = RecordRef { payload: placed, ..row(1) };
    assert_eq!(
        kept.columns()[PLACED..],
        [Value::Text("truncated"), Value::Int(7), Value::Int(24), Value::Int(90)]
    );
    let shed = RecordRef { payload: Place::none(Kept::Shed), ..row(1) };
    assert_eq!(shed.columns()[PLACED..], [Value::Text("shed"), Value::Null, Value::Null, Value::Null]);
}

#[test]
fn a_row_of_the_version_before_has_no_payload() {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&fields_of_version_2(&row(5)));
    let record = Record::decode(&bytes).unwrap();
    assert_eq!((record.started_ms, record.payload), (5, Place::none(Kept::Nothing)));
}

/// Without the last three fields, which are none there.
fn fields_of_version_2(record: &RecordRef<'_>) -> Vec<u8> {
    let mut bytes = postcard::to_allocvec(record).unwrap();
    let fields = bytes.len() - 3;
    assert_eq!(bytes.split_off(fields), [0; 3]);
    bytes
}

#[test]
fn a_row_of_the_version_before_hooks_has_none() {
    let mut bytes = vec![2];
    bytes.extend_from_slice(&Place::none(Kept::Off).encode(false));
    bytes.extend_from_slice(&fields_of_version_2(&RecordRef { tags: Some("{}"), ..row(5) }));
    let record = Record::decode(&bytes).unwrap();
    assert_eq!((record.started_ms, record.tags.as_deref(), record.hooks), (5, Some("{}"), None));
    assert_eq!(record.payload, Place::none(Kept::Off));
}

#[test]
fn a_place_that_was_never_filled_in_is_nowhere() {
    let record =
        RecordRef { payload: Place { kept: Kept::Whole, segment: 7, offset: 24, length: 90 }, ..row(1) };
    let mut bytes = Vec::new();
    record.encode(true, &mut bytes).unwrap();
    assert_eq!(Record::decode(&bytes).unwrap().payload, Place::none(Kept::Shed));
}

#[test]
fn other_versions_and_trailing_bytes_are_no_record() {
    let good = encoded(&row(1));
    assert!(Record::decode(&good).is_some());
    let mut newer = good.clone();
    newer[0] += 1;
    assert_eq!(Record::decode(&newer), None);
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(Record::decode(&longer), None);
    for end in 0..good.len() {
        assert_eq!(Record::decode(&good[..end]), None, "{end} bytes");
    }
}

#[test]
fn a_shortened_record_fits_and_keeps_whole_characters_and_whole_json() {
    let long = "é".repeat(100_000);
    let record =
        RecordRef { model: &long, path: &long, client_request_id: Some(&long), tags: Some(&long), ..row(1) };
    let short = record.shortened();
    assert_eq!(short.model, "é".repeat(512));
    assert_eq!(short.client_request_id, Some("é".repeat(512).as_str()));
    assert_eq!(short.tags, None);
    assert_eq!(short.duration_us, record.duration_us);
    assert_eq!(row(1).shortened(), row(1));

    let widest = RecordRef {
        request_id: &long,
        door: &long,
        tenant: &long,
        gateway_key: &long,
        operation: &long,
        provider: &long,
        upstream_model: &long,
        key_id: &long,
        key_name: &long,
        outcome: &long,
        error: Some(&long),
        cache: &long,
        finish_reason: Some(&long),
        attempts_json: Some(&long[..16_384]),
        tags: Some(&long[..16_384]),
        ..record
    };
    assert!(encoded(&widest.shortened()).len() < super::super::format::MAX_FRAME_BYTES - 8);
}
