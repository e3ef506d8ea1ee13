//! What the module says of itself.

use ferrogate_core::Kind;
use ferrogate_core::balance::LaneTables;
use ferrogate_core::snapshot::Snapshot;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::engine::{json, rejected};

/// Version, build profile, git hash and features, as JSON.
#[pyfunction]
pub(crate) fn build_info(py: Python<'_>) -> PyResult<Py<PyBytes>> {
    let info = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "profile": env!("FERROGATE_PROFILE"),
        "opt_level": env!("FERROGATE_OPT_LEVEL"),
        "optimized": !cfg!(debug_assertions),
        "git": env!("FERROGATE_GIT"),
        "features": ["native", "http2", "tls", "journal", "mock", "bench"],
    });
    json(py, &info)
}

/// Raises `SnapshotRejected` where the engine would.
#[pyfunction]
pub(crate) fn check_snapshot(py: Python<'_>, snapshot: &[u8]) -> PyResult<()> {
    py.detach(|| Snapshot::compile(snapshot, &mut LaneTables::default())).map(|_| ()).map_err(rejected)
}

/// Every stable error identifier, as a JSON list.
#[pyfunction]
pub(crate) fn error_kinds(py: Python<'_>) -> PyResult<Py<PyBytes>> {
    let kinds: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| {
            serde_json::json!({
                "id": kind.id(), "status": kind.status(), "source": kind.source().name(), "retry": kind.retry(),
                "summary": kind.summary(),
            })
        })
        .collect();
    json(py, &kinds)
}
