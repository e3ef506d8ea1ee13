//! Reading bodies back.

use std::path::PathBuf;

use ferrogate_net::journal::{Kept, Place, read_payload};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::engine::json;

/// About both bodies as JSON, and the bytes of each.
type Bodies = (Py<PyBytes>, Py<PyBytes>, Py<PyBytes>);

/// The bodies of one request, at the place that its row names; None where they are not there.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the path")]
pub(crate) fn payload_read(
    py: Python<'_>,
    folder: PathBuf,
    segment: u64,
    offset: u64,
    length: u32,
    request_id: &str,
) -> PyResult<Option<Bodies>> {
    let place = Place { kept: Kept::Whole, segment, offset, length };
    let Some(stored) = py.detach(|| read_payload(&folder, place, request_id))? else { return Ok(None) };
    let (request, response) = stored.split();
    let bytes = |bytes| PyBytes::new(py, bytes).unbind();
    Ok(Some((json(py, &(&stored.request, &stored.response))?, bytes(request), bytes(response))))
}
