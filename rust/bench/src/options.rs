//! What to send, how fast, and what to watch meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;

/// One load. Only `target` has no default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// `http://host:port`, with an optional path in front of `path`. Plain HTTP only.
    pub target: String,
    /// Path of the request, with its query.
    pub path: String,
    /// Requests a second over all threads; 0 sends the next request of a connection when the last one ended.
    pub rate: f64,
    /// At most so many requests, the warm-up's included, and the run ends when they have; 0 for no bound. A high rate
    /// makes them a burst. Needs a rate.
    pub requests: usize,
    /// Seconds of the measured window.
    pub duration_s: f64,
    /// Seconds of the same load before it, which count nowhere.
    pub warmup_s: f64,
    /// Most connections at once; with rate 0, exactly so many.
    pub connections: usize,
    /// Open all of them before the first request is due.
    pub open_first: bool,
    /// Threads of the generator.
    pub threads: usize,
    /// Ask for a stream and read it as server-sent events.
    pub stream: bool,
    /// The `model` of the body.
    pub model: String,
    /// Size of the JSON body in bytes; the conversation is filled up to it.
    pub body_bytes: usize,
    /// Messages that share that size; 0: as many as have some 480 bytes of text each.
    pub messages: usize,
    /// A body to send as it stands, instead of the made one.
    pub body: Option<String>,
    /// Further request headers.
    pub headers: BTreeMap<String, String>,
    /// One request's time, from when it is sent to its last byte.
    pub timeout_ms: u64,
    /// How long after the window requests in flight may take to finish.
    pub drain_ms: u64,
    /// The run is marked `generator_late` when the 99th percentile of the generator's own lateness is above this.
    pub late_us: u64,
    /// How often progress is told.
    pub progress_ms: u64,
    /// Processes whose CPU and memory are read: a name of your choice to process ids; their children are included.
    pub watch: BTreeMap<String, Vec<u32>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target: String::new(),
            path: "/v1/chat/completions".into(),
            rate: 500.0,
            requests: 0,
            duration_s: 10.0,
            warmup_s: 1.0,
            connections: 64,
            open_first: false,
            threads: 1,
            stream: false,
            model: "mock/echo".into(),
            body_bytes: 600,
            messages: 0,
            body: None,
            headers: BTreeMap::new(),
            timeout_ms: 30_000,
            drain_ms: 10_000,
            late_us: 2_000,
            progress_ms: 500,
            watch: BTreeMap::new(),
        }
    }
}

const DAY_S: f64 = 86_400.0;

impl Options {
    /// Refuse what has no meaning, naming the option.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: f64, low: f64, high: f64| {
            if value.is_finite() && (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::Options(format!("{name} must be between {low} and {high}, not {value}")))
        };
        within("rate", self.rate, 0.0, 1e6)?;
        within("duration_s", self.duration_s, 0.05, DAY_S)?;
        within("warmup_s", self.warmup_s, 0.0, DAY_S)?;
        let count = |name: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::Options(format!("{name} must be between {low} and {high}, not {value}")))
        };
        count("threads", self.threads, 1, 64)?;
        count("connections", self.connections, self.threads, 60_000)?;
        count("body_bytes", self.body_bytes, 0, 64 << 20)?;
        count("messages", self.messages, 0, 1 << 20)?;
        if self.requests > 0 && self.closed_loop() {
            return Err(Error::Options("requests needs a rate above 0".into()));
        }
        if self.requests > 0 && self.requests < self.threads {
            return Err(Error::Options("requests must not be fewer than threads".into()));
        }
        for (name, value, low) in [
            ("timeout_ms", self.timeout_ms, 1),
            ("drain_ms", self.drain_ms, 0),
            ("progress_ms", self.progress_ms, 20),
        ] {
            if !(low..=86_400_000).contains(&value) {
                return Err(Error::Options(format!(
                    "{name} must be between {low} and 86400000, not {value}"
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn closed_loop(&self) -> bool {
        self.rate <= 0.0
    }

    pub(crate) fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup_s)
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.duration_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_refused() {
        let error = serde_json::from_str::<Options>(r#"{"target":"http://h","ratee":1}"#).unwrap_err();
        assert!(error.to_string().contains("ratee"), "{error}");
    }

    #[test]
    fn defaults_fill_what_is_left_out() {
        let options: Options = serde_json::from_str(r#"{"target":"http://h:1","rate":0}"#).unwrap();
        assert!(options.closed_loop());
        assert_eq!(options.body_bytes, 600);
        options.check().unwrap();
    }

    #[test]
    fn an_option_without_meaning_is_named() {
        for (field, options) in [
            ("rate", Options { rate: f64::NAN, ..Options::default() }),
            ("rate", Options { rate: -1.0, ..Options::default() }),
            ("duration_s", Options { duration_s: 0.0, ..Options::default() }),
            ("threads", Options { threads: 0, ..Options::default() }),
            ("connections", Options { connections: 1, threads: 2, ..Options::default() }),
            ("timeout_ms", Options { timeout_ms: 0, ..Options::default() }),
            ("requests", Options { requests: 1, rate: 0.0, ..Options::default() }),
            ("requests", Options { requests: 1, threads: 2, ..Options::default() }),
            ("messages", Options { messages: 1 << 21, ..Options::default() }),
        ] {
            let text = options.check().unwrap_err().to_string();
            assert!(text.starts_with(field), "{text}");
        }
    }
}
