//! The smallest JSON document that a JSON Schema accepts, for structured output and tool arguments.
//!
//! Covers what the structured-output subset allows, and `oneOf` and `allOf` beside it; `pattern` is not honoured.
//! <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>

use serde_json::{Map, Value, json};

/// A schema that needs itself without end stops here.
const DEPTH: usize = 32;

/// Builds the document.
pub(crate) fn minimal(schema: &Value) -> Value {
    instance(schema, schema, DEPTH)
}

fn instance(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return target
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
            .map_or(Value::Null, |target| instance(target, root, depth));
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(choice).and_then(Value::as_array) {
            let plain =
                options.iter().find(|option| option.get("$ref").is_none()).or_else(|| options.first());
            return plain.map_or(Value::Null, |option| instance(option, root, depth));
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        return all_of(schema, parts, root, depth);
    }
    match kind(schema) {
        "object" => object(schema, root, depth),
        "array" => array(schema, root, depth),
        "string" => string(schema),
        "integer" => number(schema, true),
        "number" => number(schema, false),
        "boolean" => Value::Bool(false),
        _ => Value::Null,
    }
}

fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "null",
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let members = required.map(|name| {
        let member =
            schema.get("properties").and_then(|properties| properties.get(name)).unwrap_or(&Value::Null);
        (name.to_owned(), instance(member, root, depth))
    });
    Value::Object(members.collect())
}

fn all_of(schema: &Value, parts: &[Value], root: &Value, depth: usize) -> Value {
    let mut own = schema.clone();
    if let Some(members) = own.as_object_mut() {
        members.remove("allOf");
    }
    let mut merged = Map::new();
    for part in parts.iter().chain([&own]) {
        match instance(part, root, depth) {
            Value::Object(members) => merged.extend(members),
            Value::Null => {}
            scalar => return scalar,
        }
    }
    Value::Object(merged)
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    let items = schema.get("items").unwrap_or(&Value::Null);
    let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(64);
    (0..count).map(|_| instance(items, root, depth)).collect()
}

fn string(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2024-01-01T00:00:00Z",
        Some("date") => "2024-01-01",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT1S",
        Some("email") => "mock@example.com",
        Some("hostname") => "example.com",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("uri") => "https://example.com/",
        _ => {
            let length = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(4096);
            return Value::String((0..length).map(|_| 'x').collect());
        }
    };
    text.into()
}

fn number(schema: &Value, whole: bool) -> Value {
    let bound = |name| schema.get(name).and_then(Value::as_f64);
    let above = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|low| low.floor() + 1.0));
    let below = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|high| high.ceil() - 1.0));
    let mut value = 0.0_f64.max(above.unwrap_or(f64::MIN)).min(below.unwrap_or(f64::MAX));
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0) {
        value = (value / step).ceil() * step;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a bound beyond 2^63 is no integer schema")]
    if whole || value.fract() == 0.0 { json!(value.ceil() as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_document_of_each_kind() {
        for (schema, expected) in [
            (
                json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}),
                json!({"a": ""}),
            ),
            (json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2}), json!([false, false])),
            (json!({"type": "integer", "minimum": 3.5}), json!(4)),
            (json!({"type": "number", "maximum": -1}), json!(-1)),
            (json!({"type": "number", "exclusiveMinimum": 2, "multipleOf": 5}), json!(5)),
            (json!({"enum": ["x", "y"]}), json!("x")),
            (json!({"type": ["string", "null"], "minLength": 2}), json!("xx")),
            (json!({"anyOf": [{"type": "null"}, {"type": "string"}]}), json!(null)),
            (
                json!({"allOf": [{"type": "object", "properties": {"k": {"const": 1}}, "required": ["k"]}]}),
                json!({"k": 1}),
            ),
            (
                json!({"$ref": "#/$defs/d", "$defs": {"d": {"type": "string", "format": "date"}}}),
                json!("2024-01-01"),
            ),
            (json!({"type": "object"}), json!({})),
        ] {
            assert_eq!(minimal(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_needs_itself_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        assert!(minimal(&schema)["next"]["next"].is_object());
    }
}
