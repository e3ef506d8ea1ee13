//! The golden files, and what holds for every text.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::asked;
use super::frames::{CLOSINGS, COURTESIES, FRAMES, NOUNS, PROCESS};

fn golden(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)).unwrap()
}

#[test]
fn texts_are_those_of_the_golden_file() {
    let text = golden("wording.jsonl");
    assert!(text.lines().count() > 50);
    for line in text.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        assert_eq!(asked(pair["text"].as_str().unwrap()), pair["asked"], "{line}");
    }
}

#[test]
fn frames_are_those_of_the_golden_file() {
    let frames: Vec<String> = FRAMES.iter().map(|(pattern, name)| format!("{pattern}>{name}")).collect();
    let ours = json!({
        "courtesies": COURTESIES, "frames": frames, "process": PROCESS, "nouns": NOUNS, "closings": CLOSINGS,
    });
    assert_eq!(serde_json::from_str::<Value>(&golden("wording_frames.json")).unwrap(), ours);
}

#[test]
fn one_wish_in_many_frames_is_one_text() {
    for text in [
        "How do I reset my PIN?",
        "how can I reset my PIN",
        "Hi there, could you please tell me how to reset my PIN, thanks!",
        "I'd like to know how I can reset my PIN.",
        "I don\u{2019}t know how to reset my PIN",
        "What's the best way to reset my PIN?",
        "Is there a way to reset my PIN?",
        "I want to reset my PIN, please",
    ] {
        assert_eq!(asked(text), "how to reset my PIN?", "{text}");
    }
}

#[test]
fn what_is_no_frame_stays_as_it_is() {
    assert_eq!(asked("Who is the CEO of Apple?"), "Who is the CEO of Apple?");
    assert_eq!(asked("Can I return it?"), "Can I return it?");
    assert_eq!(asked("Hello"), "Hello");
    assert_eq!(asked("\u{6771}\u{4eac}"), "\u{6771}\u{4eac}");
}

proptest! {
    #[test]
    // A frame is taken off where two words are left, and a number is no word.
    fn nothing_that_is_asked_gets_lost(rest in "[b-eg-z]{3,8}( [b-eg-z][b-eg-z0-9]{2,7}){1,6}", before in prop::sample::select(COURTESIES.to_vec())) {
        let plain = asked(&rest);
        prop_assert!(plain.ends_with('?'));
        let first = |part: &str| part.trim_start_matches('?').split('/').next().unwrap_or("").to_owned();
        let before: Vec<String> = before.split(' ').map(first).collect();
        prop_assert_eq!(asked(&format!("{}, {rest}", before.join(" "))), plain);
    }

    #[test]
    fn every_text_is_read(text in "\\PC{0,60}") {
        let made = asked(&text);
        prop_assert!(made == text || made.ends_with('?'));
    }
}
