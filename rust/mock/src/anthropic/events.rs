//! The events of a streamed message. <https://platform.claude.com/docs/en/build-with-claude/streaming>

use bytes::BytesMut;

use super::messages::{Frame, SIGNATURE, THOUGHT, push_usage, stop_reason};
use crate::body::Events;
use crate::openai::generate::Reply;
use crate::script::Usage;
use crate::text::Json;

const ERROR: &str = concat!(
    "event: error\n",
    r#"data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    "\n\n"
);
const PING: &str = "event: ping\ndata: {\"type\": \"ping\"}\n\n";

/// One streamed message.
pub(super) struct MessageEvents {
    id: u64,
    model: String,
    thinks: bool,
    reply: Reply,
    usage: Option<Usage>,
}

impl MessageEvents {
    pub(super) fn new(frame: &Frame<'_>, reply: Reply) -> Self {
        let Frame { id, model, thinks, usage } = *frame;
        Self { id, model: model.to_owned(), thinks, reply, usage }
    }

    /// The number of the block with the content.
    fn index(&self) -> u64 {
        u64::from(self.thinks)
    }

    fn think(out: &mut BytesMut) {
        out.raw("event: content_block_start\n");
        out.raw(r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#);
        out.raw("\n\nevent: content_block_delta\n");
        out.raw(
            r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"#,
        );
        out.string(THOUGHT).raw("}}\n\nevent: content_block_delta\n");
        out.raw(
            r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"#,
        );
        out.string(SIGNATURE).raw("}}\n\nevent: content_block_stop\n");
        out.raw("data: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
    }
}

impl Events for MessageEvents {
    fn chunks(&self) -> u32 {
        self.reply.content().pieces()
    }

    fn tokens(&self) -> u64 {
        self.usage.map_or(0, |usage| usage.output)
    }

    fn open(&mut self, out: &mut BytesMut) {
        out.raw("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_")
            .id(self.id);
        out.raw(r#"","type":"message","role":"assistant","model":"#).string(&self.model);
        out.raw(r#","content":[],"stop_reason":null,"stop_sequence":null,"usage":"#);
        push_usage(self.usage.map(|usage| Usage { output: 1, ..usage }), out);
        out.raw("}}\n\n");
        if self.thinks {
            Self::think(out);
        }
        out.raw("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":")
            .number(self.index());
        match &self.reply {
            Reply::Text(_) => out.raw(r#","content_block":{"type":"text","text":""}}"#),
            Reply::Tool { name, .. } => {
                out.raw(r#","content_block":{"type":"tool_use","id":"toolu_"#).id(self.id);
                out.raw(r#"","name":"#).string(name).raw(r#","input":{}}}"#)
            }
        };
        out.raw("\n\n").raw(PING);
    }

    fn chunk(&mut self, index: u32, out: &mut BytesMut) {
        out.raw("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":")
            .number(self.index());
        out.raw(match &self.reply {
            Reply::Text(_) => r#","delta":{"type":"text_delta","text":""#,
            Reply::Tool { .. } => r#","delta":{"type":"input_json_delta","partial_json":""#,
        });
        self.reply.content().push_piece(index, out);
        out.raw("\"}}\n\n");
    }

    fn close(&mut self, out: &mut BytesMut) {
        out.raw("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":")
            .number(self.index());
        out.raw("}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":");
        out.string(stop_reason(&self.reply)).raw(r#","stop_sequence":null},"usage":"#);
        match self.usage {
            Some(usage) => out.raw(r#"{"output_tokens":"#).number(usage.output).raw("}"),
            None => out.raw("null"),
        };
        out.raw("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }

    fn error(&mut self, out: &mut BytesMut) {
        out.raw(ERROR);
    }
}
