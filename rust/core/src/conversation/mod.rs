//! One typed conversation, between any two dialects.
//!
//! A dialect has one reader and one writer for this model (`crate::convert`), so n dialects need 2n of them and not n².
//! The model holds what dialects share: turns of typed parts, tools, limits, and the events of a stream. Texts and
//! numbers are kept as they stood on the wire and written back byte for byte; nothing here does I/O or copies more than
//! it must. What a source says beyond the model is named when it is read, what a target cannot say is named when it is
//! written.

mod answer;
mod event;
mod part;
mod request;
mod text;

pub use answer::{Answer, Stop, Usage};
pub use event::{Block, Event};
pub use part::{
    Arguments, Audio, CacheMark, Citation, File, Image, Part, Reasoning, Source, ToolCall, ToolResult,
};
pub use request::{Effort, Format, Request, Role, Sampling, Tool, ToolChoice, Turn};
pub use text::{Number, Text};
