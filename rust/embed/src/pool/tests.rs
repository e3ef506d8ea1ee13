use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::{Full, NICENESS, Pool};
use crate::{Embed, Error, Hashed, Scratch, Vector};

/// An embedder that says when it begins, and goes on when it is told to.
struct Held {
    begun: Mutex<Sender<String>>,
    go: Mutex<Receiver<()>>,
}

fn held() -> (Arc<Held>, Receiver<String>, Sender<()>) {
    let ((begun, has_begun), (let_go, go)) = (channel(), channel());
    (Arc::new(Held { begun: Mutex::new(begun), go: Mutex::new(go) }), has_begun, let_go)
}

impl Embed for Held {
    fn id(&self) -> &'static str {
        "held"
    }

    fn embed(&self, text: &str, scratch: &mut Scratch) -> Result<Vector, Error> {
        assert_ne!(text, "panic", "as asked");
        self.begun.lock().unwrap().send(text.to_owned()).unwrap();
        self.go.lock().unwrap().recv().unwrap();
        Hashed.embed(text, scratch)
    }
}

#[test]
fn a_text_comes_back_as_its_vector() {
    let pool = Pool::new(Arc::new(Hashed), 2, 8).unwrap();
    let (send, receive) = channel();
    pool.submit("a text", move |vector| send.send(vector).unwrap()).unwrap();
    let wanted = Hashed.embed("a text", &mut Scratch::default()).unwrap();
    assert_eq!(receive.recv().unwrap().unwrap().map(f32::to_bits), wanted.map(f32::to_bits));
}

#[test]
fn a_full_queue_is_told_and_room_is_used_again() {
    let (embedder, begun, go) = held();
    let pool = Pool::new(embedder, 1, 2).unwrap();
    let (send, receive) = channel();
    let submit = |text: &str| {
        let (send, name) = (send.clone(), text.to_owned());
        pool.submit(text, move |vector| drop(send.send((name, vector.is_ok()))))
    };
    submit("in work").unwrap();
    assert_eq!(begun.recv().unwrap(), "in work");
    submit("first").unwrap();
    submit("second").unwrap();
    assert_eq!(pool.waiting(), 2);
    assert_eq!(submit("third"), Err(Full));
    go.send(()).unwrap();
    assert_eq!(begun.recv().unwrap(), "first");
    submit("fourth").unwrap();
    for _ in 0..3 {
        go.send(()).unwrap();
    }
    let order: Vec<_> = receive.iter().take(4).collect();
    let wanted = ["in work", "first", "second", "fourth"].map(|name| (name.to_owned(), true));
    assert_eq!(order, wanted);
}

#[test]
fn a_drop_finishes_what_is_in_work_and_tells_who_waits() {
    let (embedder, begun, go) = held();
    let pool = Pool::new(embedder.clone(), 1, 2).unwrap();
    let (send, receive) = channel();
    for text in ["in work", "waiting"] {
        let send = send.clone();
        pool.submit(text, move |vector| {
            send.send((text, vector.err().map(|error| error.to_string()))).unwrap();
        })
        .unwrap();
    }
    begun.recv().unwrap();
    let dropping = std::thread::spawn(move || drop(pool));
    assert_eq!(receive.recv().unwrap(), ("waiting", Some(Error::Ended.to_string())));
    go.send(()).unwrap();
    assert_eq!(receive.recv().unwrap(), ("in work", None));
    dropping.join().unwrap();
    assert_eq!(Arc::strong_count(&embedder), 1, "no thread is left");
}

#[test]
fn a_panic_ends_its_own_job_only() {
    let (embedder, begun, go) = held();
    let pool = Pool::new(embedder, 1, 4).unwrap();
    let (send, receive) = channel();
    let lost = send.clone();
    pool.submit("panic", move |_| lost.send("called").unwrap()).unwrap();
    go.send(()).unwrap();
    pool.submit("calls back badly", |_| panic!("as asked")).unwrap();
    begun.recv().unwrap();
    go.send(()).unwrap();
    pool.submit("good", move |_| send.send("good").unwrap()).unwrap();
    assert_eq!(receive.iter().collect::<Vec<_>>(), ["good"], "the lost callback was dropped uncalled");
}

#[test]
fn a_callback_may_hold_the_last_reference_to_its_pool() {
    let (embedder, begun, go) = held();
    let pool = Arc::new(Pool::new(embedder, 1, 1).unwrap());
    let (send, receive) = channel();
    let own = Arc::clone(&pool);
    pool.submit("text", move |_| {
        drop(own);
        send.send(()).unwrap();
    })
    .unwrap();
    begun.recv().unwrap();
    drop(pool);
    go.send(()).unwrap();
    receive.recv().unwrap();
}

#[test]
fn threads_have_names() {
    let pool = Pool::new(Arc::new(Hashed), 1, 1).unwrap();
    let (send, receive) = channel();
    pool.submit("text", move |_| send.send(std::thread::current().name().map(str::to_owned)).unwrap())
        .unwrap();
    assert_eq!(receive.recv().unwrap().as_deref(), Some("fg-embed-0"));
}

#[cfg(target_os = "linux")]
#[test]
fn threads_step_back() {
    /// Field 19 of /proc/self/stat; the second is a name in brackets.
    fn niceness() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit(") ").next().unwrap().split(' ').nth(16).unwrap().parse().unwrap()
    }
    let pool = Pool::new(Arc::new(Hashed), 1, 1).unwrap();
    let (send, receive) = channel();
    pool.submit("text", move |_| send.send(niceness()).unwrap()).unwrap();
    assert_eq!(receive.recv().unwrap(), (niceness() + NICENESS).min(19));
}
