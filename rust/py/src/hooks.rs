//! Hooks: the threads that call Python, and what crosses.
//!
//! A thread is attached for as long as it lives and detached while it waits, so that a call costs one turn of the GIL and
//! Python sees one thread with one state. What Python is given are functions of `ferrogate.hooks`, which bring results into
//! one of these forms: None, bytes, a list of bytes, `(bytes or None, [(name, value)])`, or a text for a veto.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_net::hooks::{AnswerFacts, Change, Facts, HookSpec, Input, Job, Output, Runner, Worker};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

/// What Python says of a hook: id, name, threads, queue, whether its functions are coroutines, and its [`Functions`].
#[derive(FromPyObject)]
pub(crate) struct Installed(u64, String, usize, usize, bool, Py<PyAny>);

impl Installed {
    pub(crate) fn spec(self) -> HookSpec {
        let Self(id, name, threads, queue, is_async, functions) = self;
        let threads = if is_async { 1 } else { threads };
        HookSpec {
            id,
            name,
            threads,
            queue,
            runner: Arc::new(PyHook { functions: Arc::new(functions), is_async }),
        }
    }
}

/// A hook whose code is Python's.
struct PyHook {
    /// An object of `ferrogate.hooks.bound.Bound`.
    functions: Arc<Py<PyAny>>,
    is_async: bool,
}

impl Runner for PyHook {
    fn serve(&self, worker: &Worker) {
        Python::attach(|py| {
            let functions = self.functions.bind(py);
            let Ok(thread) = functions.call_method0("thread").and_then(|thread| thread.extract::<u64>())
            else {
                return;
            };
            while let Some(job) = py.detach(|| worker.next(thread)) {
                let id = job.id();
                if self.is_async {
                    self.hand_over(py, job);
                } else {
                    let gil = job.since_taken();
                    let begun = Instant::now();
                    let result = call(functions, &job);
                    job.reply(result, gil, begun.elapsed());
                }
                if !worker.finished(id) {
                    return;
                }
            }
        });
    }

    fn interrupt(&self, thread: u64, still: &dyn Fn() -> bool) {
        if self.is_async {
            return;
        }
        Python::attach(|py| {
            // Whoever holds the GIL sees the call where it is: it cannot end in Python meanwhile.
            if still() {
                // It may have ended all the same; then there is nothing to interrupt.
                let _ = self.functions.bind(py).call_method1("interrupt", (thread,));
            }
        });
    }
}

impl PyHook {
    /// Gives a call to an event loop, which replies.
    fn hand_over(&self, py: Python<'_>, job: Job) {
        let gil = job.since_taken();
        let call = HookCall {
            functions: Arc::clone(&self.functions),
            held: Mutex::new(Some(job)),
            gil,
            begun: Instant::now(),
        };
        let home = call.home();
        let Ok(call) = Bound::new(py, call) else { return };
        if let Err(error) = self.functions.bind(py).call_method1("dispatch", (home, &call)) {
            call.get().fail(&said(py, &error));
        }
    }
}

/// One call of a coroutine.
#[pyclass(frozen, module = "ferrogate._core")]
pub(crate) struct HookCall {
    functions: Arc<Py<PyAny>>,
    held: Mutex<Option<Job>>,
    gil: Duration,
    begun: Instant,
}

impl HookCall {
    fn home(&self) -> Option<i32> {
        self.held().as_ref().and_then(|job| job.facts().home)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Job>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl HookCall {
    /// The function's name and its arguments; None where nobody waits any more.
    fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Option<(&'static str, Bound<'py, PyTuple>)>> {
        let held = self.held();
        let Some(job) = held.as_ref().filter(|job| job.is_wanted()) else { return Ok(None) };
        Ok(Some((job.function(), arguments(self.functions.bind(py), job)?)))
    }

    /// Seconds that are left.
    fn left(&self) -> f64 {
        self.held().as_ref().map_or(0.0, |job| job.left().as_secs_f64())
    }

    fn reply(&self, py: Python<'_>, value: &Bound<'_, PyAny>) {
        let Some(job) = self.held().take() else { return };
        let result = output(value).map_err(|error| said(py, &error));
        job.reply(result, self.gil, self.begun.elapsed());
    }

    fn fail(&self, why: &str) {
        if let Some(job) = self.held().take() {
            job.reply(Err(why.to_owned()), self.gil, self.begun.elapsed());
        }
    }
}

fn call(functions: &Bound<'_, PyAny>, job: &Job) -> Result<Output, String> {
    let called = arguments(functions, job)
        .and_then(|arguments| functions.call_method1(job.function(), arguments))
        .and_then(|value| output(&value));
    called.map_err(|error| said(functions.py(), &error))
}

/// The bytes, and the context of the request or of its answer.
fn arguments<'py>(functions: &Bound<'py, PyAny>, job: &Job) -> PyResult<Bound<'py, PyTuple>> {
    let py = functions.py();
    let request = request_context(functions, job.facts())?;
    let context = match job.answer() {
        None => request,
        Some(answer) => answer_context(functions, &request, answer)?,
    };
    let input = match job.input() {
        Input::Body(body) => PyBytes::new(py, body).into_any(),
        Input::Events(events) => {
            PyList::new(py, events.iter().map(|event| PyBytes::new(py, event)))?.into_any()
        }
    };
    PyTuple::new(py, [input, context])
}

fn request_context<'py>(functions: &Bound<'py, PyAny>, facts: &Facts) -> PyResult<Bound<'py, PyAny>> {
    let py = functions.py();
    if let Some(known) = facts.kept.get().and_then(|known| known.downcast_ref::<Py<PyAny>>()) {
        return Ok(known.bind(py).clone());
    }
    let made = functions.call_method1(
        "request_context",
        (
            &facts.request_id,
            &*facts.tenant,
            &*facts.gateway_key,
            &*facts.model,
            facts.operation,
            facts.door,
            facts.stream,
            PyBytes::new(py, &facts.headers),
        ),
    )?;
    // Two hooks of one request never run at one time, so nobody was faster.
    let _ = facts.kept.set(Box::new(made.clone().unbind()));
    Ok(made)
}

fn answer_context<'py>(
    functions: &Bound<'py, PyAny>,
    request: &Bound<'py, PyAny>,
    answer: &AnswerFacts,
) -> PyResult<Bound<'py, PyAny>> {
    let py = functions.py();
    if let Some(known) = answer.kept.get().and_then(|known| known.downcast_ref::<Py<PyAny>>()) {
        return Ok(known.bind(py).clone());
    }
    let facts = (request, answer.status, &*answer.provider, &*answer.model, answer.cache);
    let made = functions.call_method1("answer_context", facts)?;
    let _ = answer.kept.set(Box::new(made.clone().unbind()));
    Ok(made)
}

fn output(value: &Bound<'_, PyAny>) -> PyResult<Output> {
    if value.is_none() {
        return Ok(Output::Unchanged);
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        let body = Some(Bytes::copy_from_slice(bytes.as_bytes()));
        return Ok(Output::Changed(Change { body, headers: Vec::new() }));
    }
    if let Ok(list) = value.cast::<PyList>() {
        let events = list.iter().map(|event| Ok(Bytes::copy_from_slice(&event.extract::<PyBackedBytes>()?)));
        return Ok(Output::Events(events.collect::<PyResult<_>>()?));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Output::Vetoed(text.to_string_lossy().into_owned()));
    }
    if let Ok((body, headers)) = value.extract::<(Option<PyBackedBytes>, Vec<(String, String)>)>() {
        let body = body.map(|body| Bytes::copy_from_slice(&body));
        return Ok(Output::Changed(Change { body, headers }));
    }
    Err(PyTypeError::new_err("it returned what means nothing"))
}

/// What was raised, for the log.
fn said(py: Python<'_>, error: &PyErr) -> String {
    let name = error.get_type(py).name().map_or_else(|_| "error".to_owned(), |name| name.to_string());
    let text =
        error.value(py).str().map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned());
    if text.is_empty() { name } else { format!("{name}: {text}") }
}
