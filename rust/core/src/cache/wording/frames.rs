//! The frames, each as words apart: one of several with a slash, one that may be missing with a question mark before it.

/// Stand in front and ask for nothing.
pub(super) const COURTESIES: [&str; 17] = [
    "hi/hello/hey/please/pls/kindly/thanks/ok/okay ?there ?all ?everyone",
    "good morning/afternoon/evening/day",
    "thank you",
    "help",
    "help me ?to ?understand",
    "can/could/will/would you ?please/kindly ?help/tell/show/teach/explain/give/let/advise me/us ?know ?to ?if/whether",
    "can/could/will/would you ?please/kindly explain/describe",
    "tell/show/teach/give/let me/us ?know ?about",
    "i/we would/want/need/wish ?like to know/learn/understand/ask ?if/whether",
    "i'd/we'd like to know/learn/understand/ask ?if/whether",
    "do you know ?if/whether",
    "i/we don't know",
    "i/we do not know",
    "i/we am/are not sure",
    "i'm/we're not sure",
    "i'm/we're wondering/asking ?if/whether",
    "i/we have a ?quick question",
];
/// Frames that ask for a way, and what they all become; the first that fits.
pub(super) const FRAMES: [(&str, &str); 14] = [
    ("how do/can/could/should/would/does/must i/you/we/one/someone/people", "how to"),
    ("how i/we/you/one can/could/should/would/do", "how to"),
    ("how to", "how to"),
    ("is there a/any ?easy/good/simple/quick way ?for ?me/us to", "how to"),
    ("is it possible ?for ?me/us to", "how to"),
    (
        "what is/are the/a/some ?best/easiest/right/correct/proper/good/quickest way/ways/steps/process/procedure/method ?for/of/i ?to",
        "how to",
    ),
    (
        "what's/whats the/a ?best/easiest/right/correct/proper/good/quickest way/steps/process/procedure/method ?for/of/i ?to",
        "how to",
    ),
    ("what do/should i/we ?have/need ?to do to", "how to"),
    ("i/we want/need/wish/have ?to", "how to"),
    ("i/we would like to", "how to"),
    ("i'd/we'd like to", "how to"),
    ("i/we am/are trying to", "how to"),
    ("i'm/we're trying to", "how to"),
    ("what's/whats", "what is"),
];
/// Before the name of a process, which is asked for by "how to" as well.
pub(super) const PROCESS: [&str; 2] = ["what is the/your", "what's/whats the/your"];
/// Behind that name.
pub(super) const NOUNS: [&str; 2] = ["process", "procedure"];
/// Stand at the end and ask for nothing.
pub(super) const CLOSINGS: [&str; 4] = ["please", "pls", "thanks", "thank you"];
