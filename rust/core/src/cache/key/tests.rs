use super::*;

fn keyed(body: &str, form: Form) -> Result<Keyed, Uncacheable> {
    Reader::default().read(body.as_bytes(), &caller(form), &Rules::default())
}

fn caller(form: Form) -> Caller<'static> {
    Caller { tenant: "t", form, beside: &[] }
}

fn chat(body: &str) -> Keyed {
    keyed(body, Form::Chat).unwrap()
}

const HELLO: &str = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;

#[test]
fn spelling_makes_no_difference() {
    for same in [
        r#" { "messages" : [ { "content" : "hello" , "role" : "user" } ] , "model" : "m" } "#,
        r#"{"mo\u0064el":"\u006d","messages":[{"role":"user","content":"hell\u006f"}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hello"}]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"user":"u","metadata":{"a":"b"},"store":false}"#,
    ] {
        assert_eq!(chat(same), chat(HELLO), "{same}");
    }
}

#[test]
fn each_of_these_is_an_entry_of_its_own() {
    let bodies = [
        HELLO,
        r#"{"model":"m","messages":[{"role":"user","content":"hello","name":null}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello","name":"bob"}]}"#,
        r#"{"model":"M","messages":[{"role":"user","content":"hello"}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"n":1}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"n":null}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"n":"1"}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"unheard_of":{"a":[]}}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"unheard_of":{"a":{}}}"#,
        r#"{"model":"m","messages":[{"role":"system","content":"hello"}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hello"},{"role":"user","content":"hello"}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":["hello"]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hello"},{"type":"text","text":""}]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hello","cache_control":null}]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"he"},{"role":"user","content":"llo"}]}"#,
    ];
    for (at, one) in bodies.iter().enumerate() {
        for other in &bodies[at + 1..] {
            assert_ne!(chat(one).key, chat(other).key, "{one} {other}");
        }
        assert_ne!(keyed(one, Form::Responses).ok(), Some(chat(one)));
    }
}

#[test]
fn a_scope_differs_by_all_but_the_last_text() {
    let with = |system: &str, text: &str, more: &str| {
        chat(&format!(
            r#"{{"model":"m","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"{text}"}}]{more}}}"#
        ))
    };
    let (one, other) = (with("s", "a", ""), with("s", "b", ""));
    assert_eq!(one.scope, other.scope);
    assert_ne!(one.key, other.key);
    assert_eq!((one.text.as_deref(), other.text.as_deref()), (Some("a"), Some("b")));
    assert_ne!(with("S", "a", "").scope, one.scope);
    assert_ne!(with("s", "a", r#","temperature":0"#).scope, one.scope);
    assert_ne!(with("s", "a", r#","tools":[]"#).scope, one.scope);
}

#[test]
fn only_a_last_message_of_text_is_compared_by_meaning() {
    let text = |messages: &str| chat(&format!(r#"{{"model":"m","messages":[{messages}]}}"#)).text;
    assert_eq!(text(r#"{"role":"user","content":"a \"b\"\n"}"#).as_deref(), Some("a \"b\"\n"));
    let two = r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#;
    assert_eq!(text(two).as_deref(), Some("a\nb"));
    for exact_only in [
        r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x"}}]}"#,
        r#"{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}"#,
        r#"{"role":"user","content":"a"},{"role":"assistant","content":"b"}"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":"a"}]}"#,
        r#"{"role":"user","content":"\ud800"}"#,
        r#"{"role":"user","content":[]}"#,
        r#"{"role":"user"}"#,
        r#"{"role":"system","content":"a"}"#,
        "",
    ] {
        assert_eq!(text(exact_only), None, "{exact_only}");
    }
}

#[test]
fn one_text_in_two_parts_is_in_another_scope() {
    let of = |content: &str| {
        chat(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#))
    };
    let two = of(r#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#);
    assert_ne!(of(r#""a\nb""#).scope, two.scope);
    assert_eq!(of(r#""a\nb""#).text, two.text);
}

#[test]
fn what_has_effects_is_not_cached() {
    let more = |more: &str| {
        let body = format!(r#"{{"model":"m","messages":[],"input":"a"{more}}}"#);
        (keyed(&body, Form::Chat).err(), keyed(&body, Form::Responses).err())
    };
    let both = |why| (Some(why), Some(why));
    assert_eq!(more(r#","store":true"#), both(Uncacheable::Stored));
    assert_eq!(more(""), (None, Some(Uncacheable::Stored)), "responses are stored by default");
    assert_eq!(more(r#","store":null"#), (None, Some(Uncacheable::Stored)));
    assert_eq!(more(r#","store":false"#), (None, None));
    assert_eq!(more(r#","store":false,"background":true"#), both(Uncacheable::Background));
    assert_eq!(more(r#","store":false,"conversation":{"id":"c"}"#), both(Uncacheable::Conversation));
}

#[test]
fn what_is_unclear_is_not_cached() {
    for (body, why) in [
        (r#"{"model":"m","model":"m","messages":[]}"#, Uncacheable::Duplicate),
        (r#"{"model":"m","user":"a","us\u0065r":"a","messages":[]}"#, Uncacheable::Duplicate),
        (r#"{"messages":[{"role":"user","role":"user","content":"a"}]}"#, Uncacheable::Duplicate),
        (r#"{"messages":[],"x":{"b":1,"a":1,"b":1}}"#, Uncacheable::Duplicate),
        (r#"{"messages":[],"x":1e1000000000000000000}"#, Uncacheable::Number),
        (r#"{"model":"m"}"#, Uncacheable::Shape),
        (r#"{"model":"m","messages":"a","#, Uncacheable::Shape),
        (r#"{"messages":{}}"#, Uncacheable::Shape),
        (r#"{"messages":[],"\ud800":1}"#, Uncacheable::Shape),
        ("[]", Uncacheable::Shape),
        ("", Uncacheable::Shape),
    ] {
        assert_eq!(keyed(body, Form::Chat), Err(why), "{body}");
    }
}

#[test]
fn both_dialects_share_an_entry() {
    let openai = r#"{"model":"m","max_tokens":9,"stop":["a"],"temperature":0.5,
        "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],
        "tool_choice":"required",
        "messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"hello"}]}"#;
    let anthropic = r#"{"model":"m","max_tokens":9,"stop_sequences":["a"],"temperature":0.50,"metadata":{"user_id":"u"},
        "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},
        "system":[{"type":"text","text":"s"}],
        "messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"text","text":"hello"}]}]}"#;
    let both = chat(openai);
    assert_eq!(keyed(anthropic, Form::Messages).unwrap(), both);
    assert_eq!(both.text.as_deref(), Some("hello"));
    for (from, to) in [
        ("\"f\"", "\"g\""),
        ("\"d\"", "\"d\",\"cache_control\":{}"),
        ("\"s\"", "\"s\",\"cache_control\":{}"),
        ("\"any\"", "\"any\",\"disable_parallel_tool_use\":true"),
        ("\"any\"", "\"tool\",\"name\":\"f\""),
        ("[\"a\"]", "[\"b\"]"),
        ("\"system\"", "\"sistem\""),
    ] {
        let changed = anthropic.replacen(from, to, 1);
        assert_ne!(changed, anthropic);
        assert_ne!(keyed(&changed, Form::Messages).unwrap().key, both.key, "{to}");
    }
    let named = anthropic.replacen("\"any\"", "\"tool\",\"name\":\"f\"", 1);
    let function = r#"{"type":"function","function":{"name":"f"}}"#;
    assert_eq!(keyed(&named, Form::Messages), Ok(chat(&openai.replacen("\"required\"", function, 1))));
}

#[test]
fn rules_leave_members_out() {
    let rules = Rules::ignoring(["seed", "temperature", "stop"]).unwrap();
    let key = |body: &str, form| Reader::default().read(body.as_bytes(), &caller(form), &rules).unwrap();
    let plain = key(r#"{"messages":[]}"#, Form::Chat);
    assert_eq!(key(r#"{"messages":[],"seed":7,"temperature":1,"stop":"x"}"#, Form::Chat), plain);
    assert_eq!(key(r#"{"messages":[],"stop_sequences":["x"]}"#, Form::Messages), plain);
    assert_ne!(key(r#"{"messages":[],"top_p":1}"#, Form::Chat), plain);
    assert_eq!(Rules::ignoring(["seed", "tools"]), Err("tools"));
}

#[test]
fn what_stands_beside_the_body_counts() {
    let keyed = |beside: &[&str]| {
        let caller = Caller { beside, ..caller(Form::Chat) };
        Reader::default().read(HELLO.as_bytes(), &caller, &Rules::default()).unwrap()
    };
    let all =
        [keyed(&[]), keyed(&[""]), keyed(&["a"]), keyed(&["a", "b"]), keyed(&["b", "a"]), keyed(&["ab"])];
    for (at, one) in all.iter().enumerate() {
        assert!(all[at + 1..].iter().all(|other| other.key != one.key && other.scope != one.scope));
    }
}

#[test]
fn digests_are_written_and_read() {
    let key = chat(HELLO).key;
    assert_eq!(Key::parse(&key.to_string()), Some(key));
    assert_eq!(Key::from_bytes(*key.as_bytes()), key);
    assert_eq!(Key::parse("12"), None);
    assert_eq!(key.to_string().len(), 64);
}
