//! Balancing on virtual time.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::engine::json;

/// The situations, as a JSON list.
#[pyfunction]
pub(crate) fn balance_scenarios(py: Python<'_>) -> PyResult<Py<PyBytes>> {
    json(py, &ferrogate_sim::all())
}

/// Runs a comparison; `progress` is called a few times a second with rows done and rows in all, or is None. Ctrl-C ends
/// it.
#[pyfunction]
#[pyo3(signature = (options, progress))]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 hands objects over")]
pub(crate) fn balance_run(
    py: Python<'_>,
    options: &[u8],
    progress: Option<Py<PyAny>>,
) -> PyResult<Py<PyBytes>> {
    let options: ferrogate_sim::Options = serde_json::from_slice(options)
        .map_err(|error| PyValueError::new_err(format!("options: {error}")))?;
    let cancel = AtomicBool::new(false);
    let mut raised = None;
    let report = py.detach(|| {
        let tell = |done: usize, of: usize| {
            let told = Python::attach(|py| {
                py.check_signals()?;
                match &progress {
                    Some(progress) => progress.call1(py, (done, of)).map(|_| ()),
                    None => Ok(()),
                }
            });
            if let Err(error) = told {
                cancel.store(true, Ordering::Relaxed);
                raised.get_or_insert(error);
            }
        };
        ferrogate_sim::run_asked(&options, tell, &cancel)
    });
    if let Some(error) = raised {
        return Err(error);
    }
    match report.map_err(PyValueError::new_err)? {
        Some(report) => json(py, &report),
        None => Err(PyRuntimeError::new_err("the simulation was ended")),
    }
}
