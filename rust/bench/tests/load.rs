//! Whole loads against a scripted server on plain sockets.

#![expect(clippy::unwrap_used, reason = "a test's helper may fail like the test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ferrogate_bench::{Error, Options, Report, run};

/// Answers one request on a connection; false closes it.
type Script = fn(&mut TcpStream, &Request) -> bool;

struct Request {
    text: String,
    /// Of this connection, from 0.
    count: usize,
    /// Of the server, from 0.
    total: usize,
}

struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

impl Server {
    fn new(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let server = Self { url, requests: requests.clone(), last: last.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, last) = (requests.clone(), last.clone());
                std::thread::spawn(move || serve(stream, script, &requests, &last));
            }
        });
        server
    }

    fn run(&self, options: Options) -> Report {
        let options = Options { target: self.url.clone(), ..options };
        run(&options, |_| (), &AtomicBool::new(false)).unwrap()
    }
}

fn serve(mut stream: TcpStream, script: Script, requests: &AtomicUsize, last: &Mutex<String>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for count in 0.. {
        let (mut text, mut length) = (String::new(), 0);
        loop {
            let start = text.len();
            if reader.read_line(&mut text).unwrap_or(0) == 0 {
                return;
            }
            let line = text[start..].trim_end();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        text.push_str(std::str::from_utf8(&body).unwrap());
        let total = requests.fetch_add(1, Ordering::SeqCst);
        last.lock().unwrap().clone_from(&text);
        if !script(&mut stream, &Request { text, count, total }) {
            return;
        }
    }
}

fn json(stream: &mut TcpStream, status: u16) -> bool {
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{{\"ok\": true}}"
    );
    stream.write_all(answer.as_bytes()).is_ok()
}

const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn event(stream: &mut TcpStream, text: &str) {
    let event = format!("data: {text}\n\n");
    let _sent = stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
}

fn short(rate: f64) -> Options {
    Options { rate, duration_s: 0.5, warmup_s: 0.1, drain_ms: 2000, ..Options::default() }
}

#[test]
fn an_open_load_sends_every_planned_request_once() {
    let server = Server::new(|stream, _| json(stream, 200));
    let report = server.run(Options { body_bytes: 700, ..short(400.0) });
    assert_eq!((report.mode, report.body_bytes), ("open", 700));
    assert_eq!((report.requests.sent, report.requests.ok), (200, 200), "{report:?}");
    assert_eq!(report.statuses[&200], 200);
    assert_eq!(server.requests.load(Ordering::SeqCst), 240);
    assert_eq!((report.totals.sent, report.totals.completed, report.totals.bytes), (240, 240, 240 * 12));
    assert_eq!(report.latency_us.count, 200);
    assert_eq!(cfg!(target_os = "linux"), report.generator_cpu_us.is_some());
    assert_eq!(report.lateness_us.count, 200);
    assert!(report.latency_us.min > 0 && report.latency_us.p50 <= report.latency_us.max);
    assert!(report.errors.is_empty() && report.incomplete_streams == 0);
    let sent = server.last.lock().unwrap();
    assert!(sent.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{sent}");
    let body: serde_json::Value = serde_json::from_str(sent.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["model"], "mock/echo");
}

#[test]
fn a_window_without_requests_left_is_still_as_long_as_asked_for() {
    let server = Server::new(|stream, _| json(stream, 200));
    let before = Instant::now();
    let report = server.run(short(1.0));
    assert_eq!(report.totals.completed, 1, "{report:?}");
    // The window begins when its first edge was read, which may be late; its end is never early.
    assert!(before.elapsed() >= Duration::from_millis(600) && report.window.seconds > 0.0, "{report:?}");
}

#[test]
fn threads_split_one_load() {
    let server = Server::new(|stream, _| json(stream, 200));
    let report = server.run(Options { threads: 2, connections: 5, ..short(300.0) });
    assert_eq!((report.requests.sent, report.requests.ok), (150, 150), "{report:?}");
    assert!((1..=5).contains(&report.connections_opened), "{report:?}");
}

#[test]
fn a_closed_loop_keeps_its_connections_busy() {
    let server = Server::new(|stream, _| json(stream, 200));
    let report = server.run(Options { connections: 3, ..short(0.0) });
    assert_eq!((report.mode, report.connections_opened), ("closed", 3));
    assert!(report.requests.ok > 3, "{report:?}");
    assert!(report.window.throughput > 0.0 && report.totals.completed >= report.requests.ok, "{report:?}");
    assert_eq!(report.lateness_us.count, 0);
}

/// The load ends with its last answer, long before its time.
#[test]
fn a_burst_leaves_at_once_on_connections_that_were_open_before() {
    let server = Server::new(|stream, _| {
        std::thread::sleep(Duration::from_millis(100));
        json(stream, 200)
    });
    let before = Instant::now();
    let options = Options {
        requests: 30,
        rate: 1e6,
        connections: 30,
        threads: 2,
        open_first: true,
        duration_s: 60.0,
        drain_ms: 0,
        ..Options::default()
    };
    let report = server.run(Options { warmup_s: 0.0, ..options });
    assert!(before.elapsed() < Duration::from_secs(30), "{report:?}");
    assert_eq!((report.requests.sent, report.requests.ok, report.totals.sent), (30, 30, 30), "{report:?}");
    assert_eq!((report.connections_opened, report.most_in_flight), (30, 30), "{report:?}");
    assert!(report.finished_us >= 100_000 && report.finished_us < 30_000_000, "{report:?}");
}

/// The point of an open loop: those that queued behind a stall wait in the figures too.
#[test]
fn a_stall_is_charged_to_every_request_that_was_due_in_it() {
    let server = Server::new(|stream, request| {
        if request.total == 60 {
            std::thread::sleep(Duration::from_millis(200));
        }
        json(stream, 200)
    });
    let report = server.run(Options { connections: 1, ..short(200.0) });
    assert_eq!(report.requests.ok, 100, "{report:?}");
    // 40 requests were due within the stall of 200 ms, so one in four waited for 50 ms at least.
    assert!(report.latency_us.p90 > 50_000, "{report:?}");
    assert!(report.latency_us.max >= 200_000, "{report:?}");
    assert!(report.connections_exhausted && report.waited_for_connection >= 20, "{report:?}");
    assert!(report.send_lag_us.max > report.lateness_us.max, "{report:?}");
}

#[test]
fn streams_are_counted_by_event_and_must_be_finished() {
    let server = Server::new(|stream, request| {
        assert!(request.text.contains("\"stream\":true"));
        let _sent = stream.write_all(STREAM_HEAD);
        for _ in 0..9 {
            event(stream, "{}");
        }
        if request.total % 2 == 0 {
            event(stream, "[DONE]");
        }
        stream.write_all(b"0\r\n\r\n").is_ok()
    });
    let report = server.run(Options { stream: true, ..short(100.0) });
    assert_eq!((report.requests.answered, report.requests.failed), (50, 0), "{report:?}");
    assert_eq!((report.requests.ok, report.incomplete_streams), (25, 25), "{report:?}");
    assert_eq!((report.events_per_stream.min, report.events_per_stream.max), (9, 10));
    assert_eq!(report.first_byte_us.count, 25);
    assert!(report.first_byte_us.p50 <= report.latency_us.p50);
    assert!(report.window.events > 400, "{report:?}");
    assert_eq!(report.totals.events, 60 * 9 + 30, "{report:?}");
}

#[test]
fn failures_are_told_apart() {
    let server = Server::new(|stream, request| match request.total % 5 {
        // Closed, so that the next request goes out on a fresh connection and may not be sent again.
        0 => {
            let answer = b"HTTP/1.1 503 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).is_err()
        }
        1 => false,
        2 => {
            let _sent = stream.write_all(STREAM_HEAD);
            event(stream, "{}");
            false
        }
        3 => stream.write_all(b"what is this?\r\n\r\n").is_err(),
        _ => {
            std::thread::sleep(Duration::from_millis(400));
            json(stream, 200)
        }
    });
    let report = server.run(Options { warmup_s: 0.0, stream: true, timeout_ms: 150, ..short(100.0) });
    assert_eq!(report.requests.sent, 50);
    assert_eq!(report.requests.ok, 0, "{report:?}");
    assert!(report.statuses[&503] > 0);
    for kind in ["closed", "cut", "invalid", "timeout"] {
        assert!(report.errors.get(kind).is_some_and(|count| *count > 0), "{kind}: {report:?}");
        assert!(!report.error_samples[kind].is_empty());
    }
    assert_eq!(report.incomplete_streams, report.errors["cut"], "{report:?}");
    assert_eq!(report.requests.unfinished, 0);
}

#[test]
fn a_kept_connection_that_the_server_closed_is_replaced_once() {
    let server = Server::new(|stream, request| json(stream, 200) && request.count < 3);
    let report = server.run(Options { warmup_s: 0.0, connections: 1, ..short(100.0) });
    assert_eq!((report.requests.ok, report.requests.failed), (50, 0), "{report:?}");
    assert!(report.requests.resent >= 10, "{report:?}");
    assert!(report.connections_opened > 10);
}

#[test]
fn a_cancel_ends_the_load_early() {
    let server = Server::new(|stream, _| json(stream, 200));
    let cancel = Arc::new(AtomicBool::new(false));
    let options = Options { target: server.url.clone(), duration_s: 600.0, progress_ms: 20, ..short(100.0) };
    let begun = Instant::now();
    let mut told = 0;
    let report = run(
        &options,
        |progress| {
            told += 1;
            if progress.phase == "measure" && progress.completed > 20 {
                cancel.store(true, Ordering::Relaxed);
            }
        },
        &cancel,
    )
    .unwrap();
    assert!(report.cancelled && told > 2);
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(report.requests.ok > 0 && report.requests.ok < 1000, "{report:?}");
}

#[test]
fn what_never_ends_is_unfinished_and_what_never_left_is_unsent() {
    let server = Server::new(|_, _| {
        std::thread::sleep(Duration::from_secs(5));
        false
    });
    let report = server.run(Options { warmup_s: 0.0, connections: 2, drain_ms: 50, ..short(100.0) });
    assert_eq!((report.requests.unfinished, report.requests.unsent), (2, 48), "{report:?}");
    assert_eq!(report.latency_us.count, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn watched_processes_are_measured() {
    let server = Server::new(|stream, _| json(stream, 200));
    let watch = [("server".to_owned(), vec![std::process::id()])].into();
    let report = server.run(Options { watch, ..short(200.0) });
    let usage = &report.usage["server"];
    assert!(usage.cpu_us > 0 && usage.rss_peak_kb >= usage.rss_end_kb, "{usage:?}");
    assert!(usage.threads.contains_key("fg-bench"), "{usage:?}");
    assert!(report.generator_cpu_us.is_some_and(|cpu_us| cpu_us > 0));
}

#[test]
fn a_target_that_is_not_there_is_an_error_and_not_a_report() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = Options { target: format!("http://{gone}"), ..short(10.0) };
    let error = run(&options, |_| (), &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(error.to_string().contains(&gone.to_string()));
}
