//! What may be kept and served again: the decisions of the compiled cache, for the Python engine's.

use ferrogate_core::cache::admit::{self, Ask, CacheControl, Rules, Wish};
use ferrogate_core::cache::key::Form;
use ferrogate_core::cache::replay;
use ferrogate_core::dialects::{openai, route};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Token counts: input, output, cached.
type Tokens = (u64, u64, u64);

fn form(path: &str) -> PyResult<Form> {
    let found = route("POST", path).and_then(|route| Form::of(route.dialect, route.operation));
    found.ok_or_else(|| PyValueError::new_err("answers of this path are not kept"))
}

/// Whether equal requests, and those that mean the same, are looked up, whether the answer is stored, and the greatest age
/// in milliseconds of one that is taken. Raises `ValueError` for a wish that is none.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the list")]
pub(crate) fn cache_ask(
    exact: bool,
    semantic: bool,
    wish: Option<&str>,
    control: Vec<Vec<u8>>,
) -> PyResult<(bool, bool, bool, u64)> {
    let wish = wish
        .map(|text| Wish::parse(text.as_bytes()).ok_or_else(|| PyValueError::new_err("no wish")))
        .transpose()?;
    let control = control.iter().fold(CacheControl::default(), |control, value| control.and(value));
    let ask = Ask::of(exact, semantic, wish, control);
    Ok((ask.exact, ask.semantic, ask.store, ask.max_age))
}

/// Why the answer to a request at `path` may not be kept, or why the model stopped and what it cost.
#[pyfunction]
pub(crate) fn answer_judge(
    py: Python<'_>,
    path: &str,
    body: &[u8],
    tool_calls: bool,
) -> PyResult<(Option<&'static str>, Option<String>, Option<Tokens>)> {
    let form = form(path)?;
    Ok(py.detach(|| match admit::judge(form, 200, body, Rules { tool_calls }) {
        Err(refused) => (Some(refused.name()), None, None),
        Ok(facts) => {
            let usage = openai::Answer::read(body).ok().and_then(|answer| answer.usage);
            let tokens = usage.map(|usage| (usage.input, usage.output, usage.cached));
            (None, facts.finish.map(Into::into), tokens)
        }
    }))
}

/// The whole answer that a stream brought; None where it has none.
#[pyfunction]
pub(crate) fn answer_whole(py: Python<'_>, path: &str, stream: &[u8]) -> PyResult<Option<Py<PyBytes>>> {
    let form = form(path)?;
    let whole = py.detach(|| replay::whole(form, stream).ok());
    Ok(whole.map(|whole| PyBytes::new(py, &whole).unbind()))
}

/// A whole answer as a stream, with token counts at its end where they were asked for; None where it cannot be had.
#[pyfunction]
pub(crate) fn answer_events(
    py: Python<'_>,
    path: &str,
    body: &[u8],
    usage: bool,
) -> PyResult<Option<Py<PyBytes>>> {
    let form = form(path)?;
    let events = py.detach(|| replay::events(form, body, usage));
    Ok(events.map(|events| PyBytes::new(py, &events).unbind()))
}
