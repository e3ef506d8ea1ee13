//! `Engine`.

use std::path::PathBuf;
use std::time::Duration;

use ferrogate_net::journal::Value;
use ferrogate_net::{Engine as NetEngine, Options, Which};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::hooks;
use crate::inbox::Inbox;

pyo3::create_exception!(
    ferrogate._core,
    SnapshotRejected,
    PyValueError,
    "The document is not a valid snapshot."
);

/// One gateway: threads, lanes, upstream connections, journal.
#[pyclass(frozen, module = "ferrogate._core")]
pub(crate) struct Engine {
    net: NetEngine,
}

pub(crate) fn rejected(error: ferrogate_core::snapshot::Rejected) -> PyErr {
    SnapshotRejected::new_err(error.0)
}

pub(crate) fn json<T: serde::Serialize>(py: Python<'_>, value: &T) -> PyResult<Py<PyBytes>> {
    let bytes = serde_json::to_vec(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &bytes).unbind())
}

#[pymethods]
impl Engine {
    #[new]
    fn new(py: Python<'_>, snapshot: &[u8], options: &[u8]) -> PyResult<Self> {
        let options: Options = serde_json::from_slice(options)
            .map_err(|error| PyValueError::new_err(format!("options: {error}")))?;
        let net = py.detach(|| NetEngine::new(snapshot, options)).map_err(rejected)?;
        Ok(Self { net })
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.net.start()).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    #[pyo3(signature = (host, port, control, sockets))]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the path")]
    fn listen(
        &self,
        py: Python<'_>,
        host: &str,
        port: u16,
        control: Option<PathBuf>,
        sockets: Option<Vec<i32>>,
    ) -> PyResult<(String, u16)> {
        let address = py.detach(|| self.net.listen(host, port, control.as_deref(), sockets.as_deref()))?;
        Ok((address.ip().to_string(), address.port()))
    }

    fn apply(&self, py: Python<'_>, snapshot: &[u8]) -> PyResult<u64> {
        py.detach(|| self.net.apply(snapshot)).map_err(rejected)
    }

    fn install_hooks(&self, py: Python<'_>, hooks: Vec<hooks::Installed>) {
        let hooks = hooks.into_iter().map(hooks::Installed::spec).collect();
        py.detach(|| self.net.install_hooks(hooks));
    }

    fn set_tls(&self, py: Python<'_>, chain: &[u8], key: &[u8]) -> PyResult<()> {
        py.detach(|| self.net.set_tls(chain, key)).map_err(PyValueError::new_err)
    }

    fn set_state(&self, ready: bool, control: bool) {
        self.net.set_state(ready, control);
    }

    fn listeners(&self) -> Vec<i32> {
        self.net.listeners()
    }

    fn leave(&self, py: Python<'_>) {
        py.detach(|| self.net.leave());
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the path")]
    fn hand_over(&self, py: Python<'_>, control: Option<PathBuf>) {
        py.detach(|| self.net.hand_over(control.as_deref()));
    }

    fn drain(&self, py: Python<'_>, timeout_ms: u64) -> bool {
        py.detach(|| self.net.drain(Duration::from_millis(timeout_ms)))
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.net.stop());
    }

    fn lanes(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        json(py, &self.net.lanes())
    }

    fn cache_stats(&self) -> PyResult<String> {
        text(&self.net.cache_stats())
    }

    fn cache_list(
        &self,
        py: Python<'_>,
        limit: usize,
        cursor: Option<&str>,
        which: &str,
    ) -> PyResult<String> {
        let which = read_which(which)?;
        let page = py.detach(|| self.net.cache_list(limit, cursor, &which));
        text(&page.ok_or_else(|| PyValueError::new_err("the cursor is none of this gateway's"))?)
    }

    fn cache_purge(&self, py: Python<'_>, which: &str) -> PyResult<usize> {
        let which = read_which(which)?;
        Ok(py.detach(|| self.net.cache_purge(&which)))
    }

    fn cache_remove(&self, entry_id: &str) -> bool {
        self.net.cache_remove(entry_id)
    }

    fn cache_export(
        &self,
        py: Python<'_>,
        limit: usize,
        cursor: Option<&str>,
    ) -> PyResult<(Py<PyBytes>, Option<String>)> {
        let page = py.detach(|| self.net.cache_export(limit, cursor));
        let (lines, next) =
            page.ok_or_else(|| PyValueError::new_err("the cursor is none of this gateway's"))?;
        Ok((PyBytes::new(py, &lines).unbind(), next))
    }

    fn cache_import(&self, py: Python<'_>, lines: &[u8]) -> PyResult<String> {
        text(&py.detach(|| self.net.cache_import(lines)))
    }

    fn cache_warm(&self, py: Python<'_>, lines: &[u8]) -> PyResult<String> {
        text(&py.detach(|| self.net.cache_warm(lines)))
    }

    fn metrics(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.net.metrics()).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    fn status(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        json(py, &self.net.status())
    }

    fn inbox(&self, here: bool) -> PyResult<Inbox> {
        Ok(Inbox::new(self.net.inbox(here).map_err(|error| PyRuntimeError::new_err(error.to_string()))?))
    }

    fn journal_read(
        &self,
        py: Python<'_>,
        segment: u64,
        offset: u64,
        max_rows: usize,
    ) -> PyResult<(usize, Py<PyList>, u64, u64)> {
        let batch = py.detach(|| self.net.journal_read(segment, offset, max_rows))?;
        let Some(batch) = batch else { return Ok((0, PyList::empty(py).unbind(), segment, offset)) };
        let columns = batch.rows.iter().flat_map(ferrogate_net::journal::Record::columns);
        let mut values = Vec::with_capacity(batch.rows.len() * ferrogate_net::journal::COLUMNS.len());
        for value in columns {
            values.push(match value {
                Value::Null => py.None(),
                Value::Int(number) => number.into_pyobject(py)?.into_any().unbind(),
                Value::Real(number) => number.into_pyobject(py)?.into_any().unbind(),
                Value::Text(text) => text.into_pyobject(py)?.into_any().unbind(),
            });
        }
        Ok((batch.rows.len(), PyList::new(py, values)?.unbind(), batch.segment, batch.offset))
    }

    fn journal_release(&self, py: Python<'_>, segment: u64) -> PyResult<u64> {
        Ok(py.detach(|| self.net.journal_release(segment))?)
    }
}

fn text(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

fn read_which(which: &str) -> PyResult<Which> {
    serde_json::from_str(which).map_err(|error| PyValueError::new_err(format!("filter: {error}")))
}
