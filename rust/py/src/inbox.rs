//! `Inbox`.

use bytes::Bytes;
use ferrogate_net::{Inbox as NetInbox, Submission};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// Completions of the ASGI door: one file descriptor wakes one event loop.
#[pyclass(frozen, module = "ferrogate._core")]
pub(crate) struct Inbox {
    net: NetInbox,
}

impl Inbox {
    pub(crate) fn new(net: NetInbox) -> Self {
        Self { net }
    }
}

#[pymethods]
impl Inbox {
    fn fileno(&self) -> i32 {
        self.net.descriptor()
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the list")]
    #[expect(
        clippy::too_many_arguments,
        reason = "one call a request: an object for its parts would cost more"
    )]
    fn submit(
        &self,
        method: &str,
        path: &[u8],
        query: &[u8],
        headers: Vec<(PyBackedBytes, PyBackedBytes)>,
        body: &[u8],
        more: bool,
        encoded: bool,
    ) -> PyResult<u64> {
        let headers = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let submission =
            Submission { method, path, query, headers, body: Bytes::copy_from_slice(body), more, encoded };
        self.net.submit(submission).map_err(PyValueError::new_err)
    }

    fn take(&self, message: &[u8], most_head: usize) -> Option<u64> {
        self.net.take(&Bytes::copy_from_slice(message), most_head)
    }

    fn feed(&self, ticket: u64, part: &[u8], more: bool) -> bool {
        self.net.feed(ticket, Bytes::copy_from_slice(part), more)
    }

    #[getter]
    fn here(&self) -> bool {
        self.net.is_here()
    }

    /// Holds the GIL also where requests run in it: beside a busy thread, having it back costs milliseconds.
    fn drain<'py>(&self, py: Python<'py>, news: bool) -> PyResult<Bound<'py, PyList>> {
        let completions = self.net.drain(news);
        let mut out = Vec::with_capacity(completions.len());
        for completion in completions {
            let headers = match &completion.headers {
                None => py.None().into_bound(py),
                Some(headers) => {
                    let pairs = headers.iter().map(|(name, value)| {
                        PyTuple::new(
                            py,
                            [PyBytes::new(py, name.as_str().as_bytes()), PyBytes::new(py, value.as_bytes())],
                        )
                    });
                    PyList::new(py, pairs.collect::<PyResult<Vec<_>>>()?)?.into_any()
                }
            };
            let bytes = PyBytes::new(py, &completion.bytes);
            let row = (completion.ticket, completion.kind as u8, completion.status, headers, bytes);
            out.push(row.into_pyobject(py)?);
        }
        PyList::new(py, out)
    }

    fn more<'py>(&self, py: Python<'py>, ticket: u64) -> Option<(u8, Bound<'py, PyBytes>)> {
        self.net.more(ticket).map(|(kind, bytes)| (kind as u8, PyBytes::new(py, &bytes)))
    }

    fn cancel(&self, ticket: u64) {
        self.net.cancel(ticket);
    }

    fn close(&self) {
        self.net.close();
    }
}
