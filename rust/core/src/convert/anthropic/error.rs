//! Reads an error body.

use super::super::Fault;
use crate::dialects::anthropic::ProviderError;

/// Reads it; None where it is of another shape.
pub(in super::super) fn read(body: &[u8]) -> Option<Fault> {
    let error = ProviderError::read(crate::sse::without_mark(body))?;
    Some(Fault { kind: error.kind.into(), message: error.message.into(), code: error.code.map(Into::into) })
}
