//! What a request is known by in the cache.

use ferrogate_core::cache::key::{Caller, Form, Reader, Rules};
use ferrogate_core::dialects::route;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Why not, or key, scope and text.
type Known = (Option<&'static str>, Option<(Py<PyBytes>, Py<PyBytes>, Option<String>)>);

/// Key, scope and text of a body that was posted to `path`, or why it is not cached. Raises `ValueError` where a member is
/// ignored that must count.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the lists")]
pub(crate) fn request_key(
    py: Python<'_>,
    body: &[u8],
    tenant: &str,
    path: &str,
    ignored: Vec<String>,
    beside: Vec<String>,
) -> PyResult<Known> {
    let form = route("POST", path).and_then(|route| Form::of(route.dialect, route.operation));
    let Some(form) = form else { return Ok((Some("operation"), None)) };
    let rules = Rules::ignoring(ignored.iter().map(String::as_str))
        .map_err(|name| PyValueError::new_err(format!("{name} must count")))?;
    let beside: Vec<&str> = beside.iter().map(String::as_str).collect();
    let caller = Caller { tenant, form, beside: &beside };
    match py.detach(|| Reader::default().read(body, &caller, &rules)) {
        Err(why) => Ok((Some(why.name()), None)),
        Ok(known) => {
            let bytes = |bytes: &[u8; 32]| PyBytes::new(py, bytes).unbind();
            Ok((None, Some((bytes(known.key.as_bytes()), bytes(known.scope.as_bytes()), known.text))))
        }
    }
}
