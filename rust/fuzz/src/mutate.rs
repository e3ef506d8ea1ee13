//! Inputs for the targets: something of the corpus, changed a few times; shrinks to few changes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::Target;

/// One change.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Word(Index, Index),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Truncate(Index),
    /// From a place on it is the other input.
    Splice(Index, Index),
    Noise(Vec<u8>),
    /// A change of a document that parses, to one that parses.
    Json(Index, JsonChange),
}

#[derive(Debug, Clone)]
enum JsonChange {
    Replace(Value),
    Remove,
    Add(String, Value),
    Copy(Index),
    Wrap(usize),
}

/// Inputs for a target from the seeds of its corpus, which are at least one.
pub fn inputs(target: &'static Target, seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (any::<Index>(), any::<Index>(), vec(mutation(), 0..6)).prop_map(move |(seed, other, mutations)| {
        let (mut input, other) = (seed.get(&seeds).clone(), other.get(&seeds));
        for mutation in &mutations {
            apply(mutation, &mut input, other, target.words);
        }
        input.truncate(200_000);
        input
    })
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<Index>;
    prop_oneof![
        3 => (place(), 1..=255_u8).prop_map(|(at, mask)| Mutation::Flip(at, mask)),
        2 => (place(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        4 => (place(), place()).prop_map(|(at, word)| Mutation::Word(at, word)),
        3 => (place(), 1..40_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        2 => (place(), 1..20_usize, 1..150_usize).prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        1 => place().prop_map(Mutation::Truncate),
        1 => (place(), place()).prop_map(|(at, from)| Mutation::Splice(at, from)),
        1 => vec(any::<u8>(), 0..100).prop_map(Mutation::Noise),
        6 => (place(), change()).prop_map(|(node, change)| Mutation::Json(node, change)),
    ]
}

fn change() -> impl Strategy<Value = JsonChange> {
    let leaf = || {
        prop::sample::select(
            [
                "null",
                "true",
                "0",
                "-1",
                "1.5",
                "18446744073709551616",
                "1e400",
                "\"\"",
                "\"*\"",
                "\"a\\u0000b\\nc\"",
                "[]",
                "{}",
                "\"http://[::1]:1/v1\"",
                "\"\u{e9}\"",
                "[[[[]]]]",
                "65536",
            ]
            .map(|text| serde_json::from_str(text).unwrap_or(Value::Null))
            .to_vec(),
        )
    };
    prop_oneof![
        4 => leaf().prop_map(JsonChange::Replace),
        2 => Just(JsonChange::Remove),
        2 => ("[a-z_]{0,8}", leaf()).prop_map(|(name, value)| JsonChange::Add(name, value)),
        3 => any::<Index>().prop_map(JsonChange::Copy),
        1 => (1..140_usize).prop_map(JsonChange::Wrap),
    ]
}

fn apply(mutation: &Mutation, input: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let place = |at: &Index| at.index(input.len() + 1);
    let from = |at: &Index, length: usize| place(at)..(place(at) + length).min(input.len());
    match mutation {
        Mutation::Flip(at, mask) if !input.is_empty() => {
            let at = at.index(input.len());
            input[at] ^= mask;
        }
        Mutation::Insert(at, bytes) => drop(input.splice(place(at)..place(at), bytes.iter().copied())),
        Mutation::Word(at, word) if !words.is_empty() => {
            drop(input.splice(place(at)..place(at), word.get(words).bytes()));
        }
        Mutation::Remove(at, length) => drop(input.drain(from(at, *length))),
        Mutation::Repeat(at, length, times) => {
            let piece = input[from(at, *length)].repeat(*times);
            drop(input.splice(place(at)..place(at), piece));
        }
        Mutation::Truncate(at) => input.truncate(place(at)),
        Mutation::Splice(at, from) => {
            input.truncate(place(at));
            input.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
        Mutation::Noise(bytes) => input.clone_from(bytes),
        Mutation::Json(node, change) => {
            if let Ok(mut document) = serde_json::from_slice::<Value>(input) {
                apply_change(&mut document, *node, change);
                *input = document.to_string().into_bytes();
            }
        }
        Mutation::Flip(..) | Mutation::Word(..) => {}
    }
}

fn apply_change(document: &mut Value, node: Index, change: &JsonChange) {
    let paths = pointers(document);
    let path = node.get(&paths);
    let copied = match change {
        JsonChange::Copy(source) => document.pointer(source.get(&paths[..]).as_str()).cloned(),
        _ => None,
    };
    if let JsonChange::Remove = change {
        let Some((parent, last)) = path.rsplit_once('/') else { return };
        match document.pointer_mut(parent) {
            Some(Value::Object(members)) => drop(members.remove(&last.replace("~1", "/").replace("~0", "~"))),
            Some(Value::Array(items)) => drop(last.parse::<usize>().map(|index| items.remove(index))),
            _ => {}
        }
        return;
    }
    let Some(place) = document.pointer_mut(path) else { return };
    match change {
        JsonChange::Replace(value) => *place = value.clone(),
        JsonChange::Add(name, value) => match place {
            Value::Object(members) => drop(members.insert(name.clone(), value.clone())),
            Value::Array(items) => items.push(value.clone()),
            _ => {}
        },
        JsonChange::Copy(_) => *place = copied.unwrap_or_default(),
        JsonChange::Wrap(depth) => {
            for _ in 0..*depth {
                *place = Value::Array(vec![place.take()]);
            }
        }
        JsonChange::Remove => {}
    }
}

/// Where every value stands, as JSON pointers.
fn pointers(document: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut at = 0;
    while at < found.len() && found.len() < 2000 {
        let path = found[at].clone();
        match document.pointer(&path) {
            Some(Value::Object(members)) => {
                let names = members.keys().map(|name| name.replace('~', "~0").replace('/', "~1"));
                found.extend(names.map(|name| format!("{path}/{name}")));
            }
            Some(Value::Array(items)) => {
                found.extend((0..items.len()).map(|index| format!("{path}/{index}")));
            }
            _ => {}
        }
        at += 1;
    }
    found
}
