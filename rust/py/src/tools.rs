//! The scripted provider and the load generator.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::engine::json;

/// The scripted provider on its own threads.
#[pyclass(frozen, module = "ferrogate._core")]
pub(crate) struct MockServer {
    server: ferrogate_mock::MockServer,
}

#[pymethods]
impl MockServer {
    #[new]
    fn new(py: Python<'_>, options: &[u8]) -> PyResult<Self> {
        let options: ferrogate_mock::Options = serde_json::from_slice(options)
            .map_err(|error| PyValueError::new_err(format!("options: {error}")))?;
        let started = py.detach(|| ferrogate_mock::MockServer::start(options));
        let server = started.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => PyValueError::new_err(error.to_string()),
            _ => error.into(),
        })?;
        Ok(Self { server })
    }

    #[getter]
    fn port(&self) -> u16 {
        self.server.port()
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.server.stop());
    }
}

/// Runs one load; `progress` is called about twice a second with JSON bytes, or is None. Ctrl-C ends it.
#[pyfunction]
#[pyo3(signature = (options, progress))]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 hands objects over")]
pub(crate) fn bench_run(
    py: Python<'_>,
    options: &[u8],
    progress: Option<Py<PyAny>>,
) -> PyResult<Py<PyBytes>> {
    let options: ferrogate_bench::Options = serde_json::from_slice(options)
        .map_err(|error| PyValueError::new_err(format!("options: {error}")))?;
    let cancel = AtomicBool::new(false);
    let mut raised = None;
    let result = py.detach(|| {
        let tell = |state: &ferrogate_bench::Progress| {
            let told = Python::attach(|py| {
                py.check_signals()?;
                match &progress {
                    Some(progress) => progress.call1(py, (json(py, state)?,)).map(|_| ()),
                    None => Ok(()),
                }
            });
            if let Err(error) = told {
                cancel.store(true, Ordering::Relaxed);
                raised.get_or_insert(error);
            }
        };
        ferrogate_bench::run(&options, tell, &cancel)
    });
    if let Some(error) = raised {
        return Err(error);
    }
    json(py, &result.map_err(|error| PyRuntimeError::new_err(error.to_string()))?)
}
