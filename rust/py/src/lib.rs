//! The extension module `ferrogate._core`: binding only, no logic.
//!
//! Only bytes, str, numbers, bool, None, tuples and lists cross. Every call that can wait releases the GIL, and nothing
//! here keeps a Python object over a call, but for the functions of hooks.

mod engine;
mod hooks;
mod inbox;
mod info;
mod kept;
mod payloads;
mod request_key;
mod semantic;
mod simulation;
mod tools;

use pyo3::prelude::*;

/// The compiled engine. Only `ferrogate.engine.facade` imports it.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::engine::{Engine, SnapshotRejected};
    #[pymodule_export]
    use super::hooks::HookCall;
    #[pymodule_export]
    use super::inbox::Inbox;
    #[pymodule_export]
    use super::info::{build_info, check_snapshot, error_kinds};
    #[pymodule_export]
    use super::kept::{answer_events, answer_judge, answer_whole, cache_ask};
    #[pymodule_export]
    use super::payloads::payload_read;
    #[pymodule_export]
    use super::request_key::request_key;
    #[pymodule_export]
    use super::semantic::{Embedder, Neighbours, guard_judge, wording_asked};
    #[pymodule_export]
    use super::simulation::{balance_run, balance_scenarios};
    #[pymodule_export]
    use super::tools::{MockServer, bench_run};
}
