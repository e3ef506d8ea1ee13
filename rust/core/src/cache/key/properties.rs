//! Equal meaning, equal key; any change, another key; another tenant, another key.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::*;

fn caller(tenant: &str, form: Form) -> Caller<'_> {
    Caller { tenant, form, beside: &[] }
}

fn read(body: &str, tenant: &str) -> Result<Keyed, Uncacheable> {
    Reader::default().read(body.as_bytes(), &caller(tenant, Form::Chat), &Rules::default())
}

/// Writes a value in one of its spellings, by dice that say which.
struct Spelling<'d> {
    dice: &'d [u8],
    at: usize,
    out: String,
}

impl Spelling<'_> {
    fn roll(&mut self, sides: u8) -> u8 {
        self.at += 1;
        self.dice[self.at % self.dice.len()]
            .wrapping_add(u8::try_from(self.at / self.dice.len() % 7).unwrap())
            % sides
    }

    fn space(&mut self) {
        let space = ["", "", " ", "\n\t", "\r\n  "][usize::from(self.roll(5))];
        self.out.push_str(space);
    }

    fn value(&mut self, value: &Value) {
        self.space();
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                for at in (1..members.len()).rev() {
                    let other = usize::from(self.roll(255)) % (at + 1);
                    members.swap(at, other);
                }
                self.out.push('{');
                for (at, (key, value)) in members.into_iter().enumerate() {
                    self.comma(at);
                    self.string(key);
                    self.space();
                    self.out.push(':');
                    self.value(value);
                }
                self.out.push('}');
            }
            Value::Array(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.comma(at);
                    self.value(item);
                }
                self.space();
                self.out.push(']');
            }
            Value::String(text) => self.string(text),
            Value::Number(number) => self.number(&number.to_string()),
            other => self.out.push_str(&other.to_string()),
        }
        self.space();
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.out.push(',');
        }
        self.space();
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            let simple = match character {
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                '\n' => Some("\\n"),
                '/' => Some("\\/"),
                _ => None,
            };
            match (simple, self.roll(4)) {
                (Some(simple), 1..) => self.out.push_str(simple),
                (None, 1..) if character >= ' ' => self.out.push(character),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let hex = if self.roll(2) == 0 {
                            format!("\\u{unit:04x}")
                        } else {
                            format!("\\u{unit:04X}")
                        };
                        self.out.push_str(&hex);
                    }
                }
            }
        }
        self.out.push('"');
    }

    /// Integers, and fractions in plain digits.
    fn number(&mut self, plain: &str) {
        let whole = !plain.contains(['.', 'e']);
        let spelled = match self.roll(5) {
            0 if whole => format!("{plain}.0"),
            1 if whole => format!("{plain}0e-1"),
            2 if whole => format!("{plain}.000E+0"),
            3 if !plain.contains('e') => format!("{plain}e0"),
            _ => plain.to_owned(),
        };
        self.out.push_str(&spelled);
    }
}

fn spelled(value: &Value, dice: &[u8]) -> String {
    let mut spelling = Spelling { dice, at: 0, out: String::new() };
    spelling.value(value);
    spelling.out
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-c \"\\\\/\n]{0,5}", 1 => any::<String>(), 1 => "x{15,18}[\"\\\\é]{0,2}"]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn message() -> impl Strategy<Value = Value> {
    let content = prop_oneof![
        3 => text().prop_map(Value::from),
        1 => prop::collection::vec(text(), 0..3).prop_map(|texts| {
            texts.into_iter().map(|text| json!({"type": "text", "text": text})).collect()
        }),
        1 => value(),
    ];
    (prop_oneof![Just("user"), Just("assistant"), Just("system")], content, prop::option::of(value()))
        .prop_map(|(role, content, more)| {
            let mut message = json!({"role": role, "content": content});
            if let Some(more) = more {
                message["x"] = more;
            }
            message
        })
}

fn body() -> impl Strategy<Value = Value> {
    (
        prop::collection::vec(message(), 0..4),
        prop::collection::btree_map("[a-e]{1,2}|temperature|seed", value(), 0..4),
    )
        .prop_map(|(messages, members)| {
            let mut body: Map<String, Value> = members.into_iter().collect();
            body.insert("model".into(), "m".into());
            body.insert("messages".into(), messages.into());
            body.into()
        })
}

/// How many values there are in one, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// The value with that number, counted from the outside.
fn nth<'v>(value: &'v mut Value, number: &mut usize) -> Option<&'v mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Object(members) => members.values_mut().find_map(|value| nth(value, number)),
        Value::Array(items) => items.iter_mut().find_map(|value| nth(value, number)),
        _ => None,
    }
}

/// Writes whole floats as integers.
fn numbers(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(numbers),
        Value::Array(items) => items.iter_mut().for_each(numbers),
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0) {
                #[expect(clippy::cast_possible_truncation, reason = "an eighth of a small number")]
                let whole = float as i64;
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// The same without the spellings that are meant to be one.
fn folded(mut body: Value) -> Value {
    numbers(&mut body);
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let text = message.get("content").and_then(|content| match content.as_array()?.as_slice() {
            [part] if part.as_object()?.len() == 2 && part["type"] == "text" => {
                part["text"].as_str().map(str::to_owned)
            }
            _ => None,
        });
        if let Some(text) = text {
            message["content"] = text.into();
        }
    }
    body
}

proptest! {
    #[test]
    fn every_spelling_has_the_same_key(
        body in body(),
        dice in prop::collection::vec(any::<u8>(), 1..40),
        stream in any::<bool>(),
    ) {
        let expected = read(&body.to_string(), "t").unwrap();
        let mut other = body;
        other["stream"] = stream.into();
        other["user"] = "somebody".into();
        let spelled = spelled(&other, &dice);
        prop_assert_eq!(read(&spelled, "t").unwrap(), expected, "{}", spelled);
    }

    #[test]
    fn every_change_has_another_key(
        body in body(),
        place in any::<Index>(),
        new in value(),
        kind in 0..3,
        name in "[a-e]{1,2}",
    ) {
        let mut changed = body.clone();
        let mut number = place.index(count(&body));
        let target = nth(&mut changed, &mut number).unwrap();
        match (kind, target) {
            (0, Value::Object(members)) => {
                members.insert(name, new);
            }
            (0, Value::Array(items)) => items.push(new),
            (1, Value::Object(members)) => {
                let first = members.keys().next().cloned();
                first.map(|key| members.remove(&key));
            }
            (1, Value::Array(items)) => {
                items.pop();
            }
            (_, target) => *target = new,
        }
        prop_assume!(folded(changed.clone()) != folded(body.clone()));
        let Ok(other) = read(&changed.to_string(), "t") else { return Ok(()) };
        prop_assert_ne!(other.key, read(&body.to_string(), "t").unwrap().key, "{} {}", body, changed);
    }

    #[test]
    fn tenants_never_share(
        bodies in prop::collection::vec(body(), 1..3),
        one in "[a-b]{0,3}",
        other in "[a-b]{0,3}",
    ) {
        prop_assume!(one != other);
        for body in &bodies {
            for other_body in &bodies {
                let (mine, theirs) = (read(&body.to_string(), &one).unwrap(), read(&other_body.to_string(), &other).unwrap());
                prop_assert_ne!(mine.key, theirs.key);
                prop_assert_ne!(mine.scope, theirs.scope);
            }
        }
    }

    #[test]
    fn any_bytes_are_keyed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), body in body(), cut in any::<Index>()) {
        let mut reader = Reader::default();
        let _ = reader.read(&bytes, &caller("t", Form::Messages), &Rules::default());
        let text = body.to_string();
        let mut broken = text.clone().into_bytes();
        broken.truncate(cut.index(broken.len()));
        prop_assert_eq!(reader.read(&broken, &caller("t", Form::Chat), &Rules::default()), Err(Uncacheable::Shape));
        prop_assert_eq!(reader.read(text.as_bytes(), &caller("t", Form::Chat), &Rules::default()), read(&text, "t"));
    }
}
