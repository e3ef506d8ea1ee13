//! Calls of a hook whose code is the test's: what waits, what hangs, what finds no room.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;

use super::facts::Facts;
use super::hook::{Fault, Hook, HookSpec, Runner};
use super::job::{Input, Output, Times};
use super::queue::Worker;
use super::set::Hooks;
use crate::observe::{HookFigures, Stage};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

/// Code that does what the body says: `hang` waits until it is let go.
#[derive(Default)]
struct Scripted {
    threads: AtomicU64,
    running: AtomicUsize,
    ran: AtomicUsize,
    interrupted: Mutex<Vec<u64>>,
    released: Mutex<bool>,
    release: Condvar,
}

impl Scripted {
    fn let_go(&self) {
        *self.released.lock().unwrap() = true;
        self.release.notify_all();
    }
}

impl Runner for Scripted {
    fn serve(&self, worker: &Worker) {
        let thread = self.threads.fetch_add(1, SeqCst);
        while let Some(job) = worker.next(thread) {
            let id = job.id();
            let Input::Body(body) = job.input() else { panic!("only bodies here") };
            let hangs = body == "hang";
            self.running.fetch_add(1, SeqCst);
            if hangs {
                let mut released = self.released.lock().unwrap();
                while !*released {
                    released = self.release.wait(released).unwrap();
                }
            }
            self.running.fetch_sub(1, SeqCst);
            self.ran.fetch_add(1, SeqCst);
            let gil = job.since_taken();
            job.reply(Ok(Output::Unchanged), gil, Duration::ZERO);
            if !worker.finished(id) {
                return;
            }
        }
    }

    fn interrupt(&self, thread: u64, still: &dyn Fn() -> bool) {
        if still() {
            self.interrupted.lock().unwrap().push(thread);
        }
    }
}

fn hook(code: &Arc<Scripted>, threads: usize, queue: usize) -> Arc<Hook> {
    let runner: Arc<dyn Runner> = Arc::clone(code) as Arc<dyn Runner>;
    let spec = HookSpec { id: 1, name: "test".to_owned(), threads, queue, runner };
    Arc::new(Hook::new(spec, Arc::<HookFigures>::default()))
}

async fn call(hook: &Hook, body: &'static str, limit: Duration) -> (Result<Output, Fault>, Times) {
    let facts = Arc::new(Facts::default());
    hook.call(Stage::Request, Input::Body(Bytes::from_static(body.as_bytes())), &facts, None, limit).await
}

/// Waits for what other threads do.
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..4000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what} did not come");
}

#[tokio::test]
async fn threads_are_started_when_they_are_needed_and_used_again() {
    let code = Arc::<Scripted>::default();
    let hook = hook(&code, 4, 10);
    assert_eq!(hook.jobs.load().threads, 0);
    for _ in 0..20 {
        assert!(matches!(call(&hook, "pass", LONG).await.0, Ok(Output::Unchanged)));
        until("an idle thread", || code.running.load(SeqCst) == 0);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(code.threads.load(SeqCst) <= 2, "{} threads", code.threads.load(SeqCst));
    hook.close();
    until("the end of the threads", || hook.jobs.load().threads == 0);
    assert!(matches!(call(&hook, "pass", LONG).await.0, Err(Fault::Gone)));
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_another_thread_takes_its_place() {
    let code = Arc::<Scripted>::default();
    let hook = hook(&code, 1, 10);
    let (result, times) = call(&hook, "hang", SHORT).await;
    assert!(matches!(result, Err(Fault::Late)));
    assert!(times.run >= SHORT);
    until("the interruption", || code.interrupted.lock().unwrap().len() == 1);
    assert_eq!((hook.jobs.load().threads, hook.jobs.load().late), (0, 1));
    assert!(call(&hook, "pass", LONG).await.0.is_ok(), "on another thread");
    code.let_go();
    until("the end of the thread that hung", || hook.jobs.load().late == 0);
    assert_eq!(hook.jobs.load().threads, 1, "it does not come back: an interruption may be on its way to it");
    hook.close();
}

#[tokio::test]
async fn what_waits_behind_a_call_that_hangs_is_served_when_that_is_given_up() {
    let code = Arc::<Scripted>::default();
    let hook = hook(&code, 1, 10);
    let (hung, waited) = tokio::join!(call(&hook, "hang", SHORT), call(&hook, "pass", LONG));
    assert!(matches!(hung.0, Err(Fault::Late)));
    assert!(waited.0.is_ok());
    assert!(waited.1.queue >= SHORT / 2, "{:?}", waited.1.queue);
    code.let_go();
    hook.close();
}

#[tokio::test]
async fn more_calls_than_may_wait_fail_at_once_and_those_that_wait_go_with_their_time() {
    let code = Arc::<Scripted>::default();
    let hook = hook(&code, 1, 1);
    let facts = || Arc::new(Facts::default());
    let first = tokio::spawn({
        let hook = Arc::clone(&hook);
        let facts = facts();
        async move { hook.call(Stage::Request, Input::Body("hang".into()), &facts, None, LONG).await.0.is_ok() }
    });
    tokio::task::yield_now().await;
    until("the first call", || code.running.load(SeqCst) == 1);
    let (second, third) = tokio::join!(call(&hook, "pass", SHORT), call(&hook, "pass", LONG));
    assert!(matches!(second.0, Err(Fault::Late)), "it was never begun");
    assert!(matches!(third.0, Err(Fault::Full)));
    assert_eq!(hook.jobs.load().outstanding, 1);
    code.let_go();
    assert!(first.await.unwrap());
    assert_eq!(code.ran.load(SeqCst), 1, "what was given up did not run");
    hook.close();
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_call_along_or_its_thread_once_the_time_is_over() {
    let code = Arc::<Scripted>::default();
    let hook = hook(&code, 1, 1);
    assert!(tokio::time::timeout(SHORT, call(&hook, "hang", SHORT * 3)).await.is_err());
    until("a call without a client", || code.running.load(SeqCst) == 1);
    assert!(tokio::time::timeout(SHORT, call(&hook, "pass", LONG)).await.is_err(), "nobody is free");
    assert_eq!(hook.jobs.load().outstanding, 1, "what had not begun is gone with its client");
    std::thread::sleep(SHORT * 2);
    assert!(call(&hook, "pass", LONG).await.0.is_ok(), "the one that hangs was written off");
    code.let_go();
    hook.close();
}

#[test]
fn a_set_is_found_until_the_next_but_one() {
    let code: Arc<dyn Runner> = Arc::<Scripted>::default();
    let spec =
        |id: u64| HookSpec { id, name: "a".to_owned(), threads: 1, queue: 1, runner: Arc::clone(&code) };
    let hooks = Hooks::default();
    let found = |hooks: &Hooks| (1..=4).filter(|id| hooks.get(*id).is_some()).collect::<Vec<_>>();
    hooks.install(vec![spec(1), spec(2)]);
    let second = hooks.get(2).unwrap();
    hooks.install(vec![spec(2), spec(3)]);
    assert_eq!(found(&hooks), [1, 2, 3]);
    assert!(Arc::ptr_eq(&hooks.get(2).unwrap(), &second), "what did not change stays");
    hooks.install(vec![spec(4)]);
    assert_eq!(found(&hooks), [2, 3, 4]);
    hooks.install(Vec::new());
    assert_eq!(found(&hooks), [4]);
    assert_eq!(hooks.report().len(), 1, "one name has one count over all its versions");
}
