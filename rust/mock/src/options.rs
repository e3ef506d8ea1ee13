//! How a server starts. The JSON form is what the extension module and the command line hand over.

use std::io;

use serde::Deserialize;

use crate::script::Script;

/// Start options; unknown names are refused, so that a typing error cannot pass as a default.
///
/// Times are in milliseconds and may have a fraction.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Address to bind.
    pub host: String,
    /// Port to bind; 0 picks a free one.
    pub port: u16,
    /// Shards: threads that each run their own listener.
    pub threads: usize,
    /// Wait before every answer.
    pub latency_ms: f64,
    /// Wait between the headers and the first event of a stream.
    pub ttft_ms: f64,
    /// Wait between two content events of a stream. Above 0 every event leaves in a write of its own.
    pub chunk_ms: f64,
    /// Paces a stream by its tokens where `chunk_ms` is 0, and delays a whole answer by its length; 0 is at once.
    pub tokens_per_second: f64,
    /// Content events in a stream; absent: 20, or fewer for a short echo.
    pub chunks: Option<u32>,
    /// Aimed size of one content event, its `data:` framing included.
    pub chunk_bytes: u32,
    /// Size of the answer's text in KiB; absent: a short text, or the echo.
    pub body_kb: Option<f64>,
    /// Whether requests are kept for `GET /_mock/requests`.
    pub record: bool,
    /// Bound on what is kept; the oldest requests go first.
    pub record_bytes: usize,
    /// Prefix of the threads' names, by which a benchmark tells their CPU time apart.
    pub thread_name: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            threads: 1,
            latency_ms: 0.0,
            ttft_ms: 0.0,
            chunk_ms: 0.0,
            tokens_per_second: 0.0,
            chunks: None,
            chunk_bytes: 250,
            body_kb: None,
            record: true,
            record_bytes: 32 << 20,
            thread_name: "fg-mock".to_owned(),
        }
    }
}

impl Options {
    /// The behaviour that headers and key scripts refine.
    pub(crate) fn script(&self) -> io::Result<Script> {
        if !(1..=256).contains(&self.threads) {
            return Err(invalid(format!("threads: {} is not between 1 and 256", self.threads)));
        }
        let mut script = Script::default();
        let chunks = self.chunks.map(|n| n.to_string());
        let body_kb = self.body_kb.map(|n| n.to_string());
        let times = [
            ("latency-ms", self.latency_ms),
            ("ttft-ms", self.ttft_ms),
            ("chunk-ms", self.chunk_ms),
            ("tokens-per-second", self.tokens_per_second),
            ("chunk-bytes", f64::from(self.chunk_bytes)),
        ];
        for (name, value) in times {
            script.set(name, &value.to_string()).map_err(invalid)?;
        }
        for (name, value) in [("chunks", chunks), ("body-kb", body_kb)] {
            if let Some(value) = value {
                script.set(name, &value).map_err(invalid)?;
            }
        }
        Ok(script)
    }
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_fills_in_defaults_and_refuses_unknown_names() {
        let options: Options = serde_json::from_str(r#"{"port": 9, "chunk_ms": 0.5}"#).unwrap();
        assert_eq!((options.port, options.chunk_bytes, options.record), (9, 250, true));
        assert!(serde_json::from_str::<Options>(r#"{"lattency_ms": 1}"#).is_err());
    }

    #[test]
    fn values_that_mean_nothing_are_named() {
        for (options, name) in [
            (Options { latency_ms: -1.0, ..Options::default() }, "latency-ms"),
            (Options { tokens_per_second: f64::NAN, ..Options::default() }, "tokens-per-second"),
            (Options { threads: 0, ..Options::default() }, "threads"),
        ] {
            let error = options.script().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
