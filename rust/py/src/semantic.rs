//! Embeddings, the guard on two texts, and nearest vectors: the parts of the semantic cache, for tools that look at it.

use std::path::PathBuf;
use std::sync::Arc;

use ferrogate_core::cache::{guard, wording};
use ferrogate_embed::{Embed, Error, Hashed, Scratch, WIDTH};
use ferrogate_index::{Partitions, Scope, Tuning};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

fn refused(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Texts to vectors, as the engine does it.
#[pyclass(frozen, module = "ferrogate._core")]
pub(crate) struct Embedder {
    embedder: Arc<dyn Embed>,
}

#[pymethods]
impl Embedder {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the path")]
    fn new(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let read = py.detach(|| ferrogate_embed::Embedder::new(&folder)).map_err(refused)?;
        Ok(Self { embedder: Arc::new(read) })
    }

    #[staticmethod]
    fn hashed() -> Self {
        Self { embedder: Arc::new(Hashed) }
    }

    #[getter]
    fn id(&self) -> &str {
        self.embedder.id()
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 extracts the list")]
    fn embed(&self, py: Python<'_>, texts: Vec<String>) -> PyResult<Vec<Option<Py<PyBytes>>>> {
        let made: Result<Vec<_>, Error> = py.detach(|| {
            let mut scratch = Scratch::default();
            let vectors = texts.iter().map(|text| match self.embedder.embed(text, &mut scratch) {
                Ok(vector) => Ok(Some(vector)),
                Err(Error::TooLong { .. }) => Ok(None),
                Err(error) => Err(error),
            });
            vectors.collect()
        });
        let bytes = |vector: [f32; WIDTH]| {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            PyBytes::new(py, &bytes).unbind()
        };
        Ok(made.map_err(refused)?.into_iter().map(|vector| vector.map(bytes)).collect())
    }
}

/// The rule that forbids to serve one text's answer for the other; None accepts.
#[pyfunction]
pub(crate) fn guard_judge(py: Python<'_>, a: &str, b: &str) -> Option<&'static str> {
    py.detach(|| match guard::judge(a, b) {
        guard::Verdict::Accept => None,
        guard::Verdict::Veto(rule) => Some(rule.name()),
    })
}

/// What of a text is embedded.
#[pyfunction]
pub(crate) fn wording_asked(py: Python<'_>, text: &str) -> String {
    py.detach(|| wording::asked(text))
}

/// Vectors by scope, searched as the engine searches them.
#[pyclass(frozen, module = "ferrogate._core")]
pub(crate) struct Neighbours {
    partitions: Partitions,
}

#[pymethods]
impl Neighbours {
    #[new]
    fn new() -> Self {
        Self { partitions: Partitions::new(WIDTH, Tuning::default()) }
    }

    fn insert(&self, scope: [u8; 32], number: u64, vector: &[u8]) -> PyResult<()> {
        self.partitions.insert(&Scope(scope), number, &floats(vector)?).map_err(refused)
    }

    fn remove(&self, scope: [u8; 32], number: u64) -> bool {
        self.partitions.remove(&Scope(scope), number)
    }

    fn search(
        &self,
        py: Python<'_>,
        scope: [u8; 32],
        vector: &[u8],
        most: usize,
    ) -> PyResult<Vec<(u64, f32)>> {
        let query = floats(vector)?;
        let found = py.detach(|| {
            // What waits to be linked is scanned, which finds as well and takes longer.
            self.partitions.tend(1);
            self.partitions.search(&Scope(scope), &query, most, |_| true)
        });
        Ok(found.map_err(refused)?.into_iter().map(|hit| (hit.id, hit.score)).collect())
    }
}

fn floats(bytes: &[u8]) -> PyResult<Vec<f32>> {
    let (values, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() || values.len() != WIDTH {
        return Err(PyValueError::new_err(format!("a vector has {WIDTH} numbers of four bytes")));
    }
    Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
