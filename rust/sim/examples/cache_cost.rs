//! Makes keys of one body and nothing else, to be counted: `perf stat -e instructions:u,cycles:u cache_cost BYTES TEXT
//! TIMES`.
//!
//! The body is as SDKs send it: a system prompt and messages of about TEXT bytes, each of which has escapes. With `get` in
//! the place of BYTES it finds answers in a store of 10,000. Prints the wall time of one.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use ferrogate_core::cache::key::{Caller, Form, Reader, Rules};
use ferrogate_core::cache::store::{Settings, Store};
use ferrogate_sim::cache::{entry, key};

fn main() -> io::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, other: usize| given.get(at).and_then(|text| text.parse().ok()).unwrap_or(other);
    let times = number(2, 1000);
    let each = |begun: Instant| begun.elapsed() / u32::try_from(times.max(1)).unwrap_or(u32::MAX);
    if given.first().is_some_and(|word| word == "get") {
        let store = Store::new(&Settings { bytes: 64_000_000, stale: 0 });
        let keys: Vec<_> = (0..10_000).map(key).collect();
        for key in &keys {
            store.put(key, entry(vec![b'x'; 1000]), 0);
        }
        let begun = Instant::now();
        for at in 0..times {
            drop(black_box(store.get(&keys[at % keys.len()], 0)));
        }
        return writeln!(io::stdout(), "{:?} a get of {} entries", each(begun), store.stats().entries);
    }
    let body = body(number(0, 1000), number(1, 200));
    let caller = Caller { tenant: "team", form: Form::Chat, beside: &[] };
    let (mut reader, rules) = (Reader::default(), Rules::default());
    let begun = Instant::now();
    for _ in 0..times {
        drop(black_box(reader.read(black_box(body.as_bytes()), &caller, &rules)));
    }
    writeln!(io::stdout(), "{} bytes: {:?} a key", body.len(), each(begun))
}

fn body(size: usize, text: usize) -> String {
    let mut body = String::from(
        r#"{"model":"gpt-4o-mini","temperature":0.2,"max_tokens":512,"stream":true,"messages":[{"role":"system","content":"You are a helpful assistant.\nAnswer in short."}"#,
    );
    let mut turn = 0;
    while body.len() < size {
        let role = if turn % 2 == 0 { "user" } else { "assistant" };
        let say: String =
            "How do I reset the password of my account? I said \\\"reset\\\" and nothing came.\\n"
                .chars()
                .cycle()
                .take(text.min(size) / 80 * 84)
                .collect();
        for part in [r#",{"role":""#, role, r#"","content":""#, &say, r#""}"#] {
            body.push_str(part);
        }
        turn += 1;
    }
    body.push_str(r#",{"role":"user","content":"And now?"}]}"#);
    body
}
