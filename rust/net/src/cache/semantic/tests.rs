use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrogate_core::cache::guard::Rule;
use ferrogate_core::cache::key::{Form, Key, Scope};
use ferrogate_core::cache::store::{Entry, Question, Settings, Shape, Store};
use ferrogate_core::snapshot::{Embedding, EmbeddingModel};
use ferrogate_embed::{Embed, Hashed, Scratch};

use super::answers::Answers;
use super::vectors::Vectors;
use super::{Looked, Semantic, Wanted};

const RESET: &str = "How do I reset my password?";

fn key(number: u8) -> Key {
    Key::from_bytes([number; 32])
}

fn question(scope: u8, text: &str) -> Question {
    Question { scope: Scope::from_bytes([scope; 32]), text: text.into() }
}

fn entry(question: Question) -> Entry {
    Entry {
        tenant: "t".into(),
        form: Form::Chat,
        shape: Shape::Whole,
        body: Bytes::from_static(b"{}"),
        status: 200,
        content_type: "application/json".into(),
        model: "m".into(),
        provider: "p".into(),
        finish: None,
        usage: None,
        route: "r".into(),
        preview: "".into(),
        ttl: 1_000,
        question: Some(question),
    }
}

fn vector(text: &str) -> Box<[f32]> {
    Box::new(Hashed.embed(text, &mut Scratch::default()).unwrap())
}

struct Kept {
    store: Arc<Store>,
    answers: Answers,
}

impl Kept {
    fn new() -> Self {
        let store = Arc::new(Store::new(&Settings { bytes: 1 << 20, stale: 0 }));
        Self { answers: Answers::new(Arc::clone(&store), Vectors::new("hashed".to_owned(), None)), store }
    }

    fn put(&self, number: u8, question: &Question) {
        assert!(self.store.put(&key(number), entry(question.clone()), 0));
        self.answers.insert(key(number), question, &vector(&question.text));
    }

    fn look(&self, question: Question, now: u64, max_age: u64) -> Looked {
        let vector = vector(&question.text);
        self.answers.search(&Wanted { question, threshold: 0.75, max_age, now, patience: None }, vector)
    }
}

#[test]
fn the_nearest_that_the_guard_lets_pass_is_found() {
    let kept = Kept::new();
    kept.put(1, &question(1, "How do I not reset my password?"));
    kept.put(2, &question(1, "how do I reset my PASSWORD"));
    let looked = kept.look(question(1, RESET), 10, u64::MAX);
    let (hit, similarity) = looked.found.unwrap();
    assert_eq!(&*hit.entry.question.as_ref().unwrap().text, "how do I reset my PASSWORD");
    assert!(similarity > 0.99);
}

#[test]
fn a_veto_says_which_rule() {
    let kept = Kept::new();
    kept.put(1, &question(1, "How do I not reset my password?"));
    let looked = kept.look(question(1, RESET), 10, u64::MAX);
    assert!(looked.found.is_none());
    assert_eq!(looked.veto, Some(Rule::Negation));
    assert!(looked.nearest.unwrap() >= 0.75);
}

#[test]
fn another_scope_s_answer_is_never_found() {
    let kept = Kept::new();
    kept.put(1, &question(1, RESET));
    let looked = kept.look(question(2, RESET), 10, u64::MAX);
    assert!(looked.found.is_none() && looked.nearest.is_none());
}

#[test]
fn neither_is_one_that_is_too_old_for_the_entry_or_for_whoever_asks() {
    let kept = Kept::new();
    kept.put(1, &question(1, RESET));
    assert!(kept.look(question(1, RESET), 999, u64::MAX).found.is_some());
    assert!(kept.look(question(1, RESET), 1_000, u64::MAX).found.is_none());
    assert!(kept.look(question(1, RESET), 500, 500).found.is_none());
    assert!(kept.look(question(1, RESET), 499, 500).found.is_some());
}

#[test]
fn vectors_whose_answers_are_gone_are_swept_out() {
    let kept = Kept::new();
    kept.put(1, &question(1, RESET));
    kept.put(2, &question(1, "What does it cost?"));
    kept.store.remove(&key(1));
    assert!(kept.look(question(1, RESET), 10, u64::MAX).found.is_none(), "gone before it is swept");
    assert_eq!(kept.answers.size().0, 2);
    kept.answers.sweep();
    assert_eq!(kept.answers.size().0, 1);
    assert!(kept.look(question(1, "what does it cost"), 10, u64::MAX).found.is_some());
}

fn semantic(store: &Arc<Store>, queue: usize) -> Semantic {
    Semantic::open(&Embedding { model: EmbeddingModel::Hashed, threads: 1, queue }, store, None, None)
        .unwrap()
}

fn wanted() -> Wanted {
    Wanted { question: question(1, RESET), threshold: 0.75, max_age: u64::MAX, now: 10, patience: None }
}

#[tokio::test]
async fn what_was_learned_is_found() {
    let store = Arc::new(Store::new(&Settings { bytes: 1 << 20, stale: 0 }));
    let semantic = semantic(&store, 8);
    let missed = semantic.look(wanted(), None).await;
    assert!(missed.found.is_none());
    store.put(&key(1), entry(question(1, RESET)), 0);
    semantic.learn(key(1), question(1, RESET), missed.vector.as_deref());
    assert!(semantic.look(wanted(), None).await.found.is_some());
    let counted = semantic.counts();
    assert_eq!(counted.hits.load(super::Relaxed), 1);
    assert_eq!(counted.far.load(super::Relaxed), 1);
}

#[tokio::test]
async fn a_full_queue_is_a_miss_and_not_a_wait() {
    let store = Arc::new(Store::new(&Settings { bytes: 1 << 20, stale: 0 }));
    let semantic = semantic(&store, 0);
    let looked = semantic.look(Wanted { patience: Some(Duration::from_secs(60)), ..wanted() }, None).await;
    assert!(looked.found.is_none() && looked.vector.is_none());
    assert_eq!((semantic.counts().busy.load(super::Relaxed), looked.given_up), (1, Some("busy")));
}

#[test]
fn old_wordings_do_not_stand_before_a_fresh_one() {
    let kept = Kept::new();
    let marks = ["", "?", "??", "!", "!?", ".", "...", "?!", "!!", "!!!"];
    for (number, mark) in (0..).zip(marks) {
        kept.put(number, &question(1, &format!("How do I reset my password{mark}")));
    }
    // The one that is fresh is no nearer than the rest, and there are more of them than are judged.
    let fresh = question(1, "how do i RESET my password ??");
    assert!(kept.store.put(&key(200), entry(fresh.clone()), 900));
    kept.answers.insert(key(200), &fresh, &vector(&fresh.text));
    let asked = || question(1, "How do I reset my password");
    assert!(kept.look(asked(), 1_500, u64::MAX).found.is_some(), "those of before are a second old");
    assert!(kept.look(asked(), 2_000, u64::MAX).found.is_none());
}

#[test]
fn what_is_learned_in_turn_is_never_dropped() {
    let store = Arc::new(Store::new(&Settings { bytes: 1 << 20, stale: 0 }));
    let semantic = semantic(&store, 4);
    for number in 0..200 {
        let question = question(1, &format!("{RESET} {number}"));
        store.put(&key(number), entry(question.clone()), 0);
        semantic.learn_in_turn(key(number), &question);
        assert!(semantic.pool.waiting() <= 2, "half of the queue is for requests");
    }
    while semantic.size().0 < 200 {
        std::thread::yield_now();
    }
}

#[test]
fn weights_that_cannot_be_had_are_named() {
    let store = Arc::new(Store::new(&Settings { bytes: 1 << 20, stale: 0 }));
    let model = EmbeddingModel::MiniLm("/nowhere/weights".into());
    let error = Semantic::open(&Embedding { model, threads: 1, queue: 1 }, &store, None, None).err().unwrap();
    assert!(error.contains("/nowhere/weights"), "{error}");
}

#[test]
fn what_a_start_finds_in_the_file_leads_to_the_answers_that_are_there() {
    let folder = std::env::temp_dir().join(format!("ferrogate-semantic-{}", std::process::id()));
    let open = || {
        let store = Arc::new(Store::new(&Settings { bytes: 1 << 20, stale: 0 }));
        store.put(&key(1), entry(question(1, RESET)), 0);
        let vectors =
            Vectors::new("hashed".to_owned(), Some(folder.as_path())).open(Some(vector(RESET).len()));
        let answers = Answers::new(Arc::clone(&store), vectors);
        answers.settle();
        Kept { store, answers }
    };
    let first = open();
    first.put(1, &question(1, RESET));
    first.put(2, &question(1, "What does it cost?"));
    assert!(first.answers.is_in_place());
    drop(first);
    let second = open();
    assert_eq!(second.answers.size().0, 1, "nobody has the answer of the other one");
    assert!(second.look(question(1, "how do I reset my PASSWORD"), 10, u64::MAX).found.is_some());
    let third = open();
    assert!(!third.answers.is_in_place(), "one process at a time");
    std::fs::remove_dir_all(folder).unwrap();
}
