//! Writes the conversation: system blocks, and turns.
//!
//! Anthropic's instructions stand in front, in `system`. Instructions that come later stay where they are on models that
//! have the role `system`, behind a user's turn and before the model's next; elsewhere they go to the end of `system`, as
//! Anthropic's own compatibility layer has it, and `messages[i].position` is named.
//! <https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>

use super::super::write::{Array, Object};
use super::super::{Dropped, Refusal, Target};
use super::write_blocks::{block, cache_mark, text_block};
use crate::conversation::{Part, Request, Role, Turn};

/// A turn with something in it.
struct Spoken {
    role: Role,
    at: usize,
    /// Its blocks, without brackets around them.
    blocks: Vec<u8>,
}

/// Writes `system`, where there are instructions for it, and `messages`.
pub(super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    object: &mut Object<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    // A turn with nothing in it does not part those around it.
    let turns: Vec<Spoken> = request.turns.iter().filter_map(|turn| spoken(turn, dropped)).collect();
    let leading = turns.iter().take_while(|turn| turn.role == Role::System).count();
    let moves: Vec<bool> = (0..turns.len()).map(|at| moves(&turns, at, target)).collect();
    for (turn, _) in turns.iter().zip(&moves).skip(leading).filter(|(_, moves)| **moves) {
        dropped.push(format!("messages[{}].position", turn.at));
    }
    let instructions: Vec<&[u8]> =
        turns.iter().zip(&moves).filter(|(_, moves)| **moves).map(|(turn, _)| &*turn.blocks).collect();
    if !instructions.is_empty() {
        let out = object.key("system");
        out.push(b'[');
        out.extend_from_slice(&instructions.join(&b','));
        out.push(b']');
    }

    let mut stay = turns.iter().zip(&moves).filter(|(_, moves)| !**moves).map(|(turn, _)| turn).peekable();
    if stay.peek().is_none() {
        let what = "holds nothing that can be sent to this provider: it asks for a user's turn with content";
        return Err(Refusal::unservable("messages", what));
    }
    let mut list = object.array("messages");
    while let Some(turn) = stay.next() {
        let role = role(turn.role);
        let mut message = list.object();
        message.string("role", role);
        let out = message.key("content");
        out.push(b'[');
        out.extend_from_slice(&turn.blocks);
        // Turns of one role that follow one another are one.
        while let Some(next) = stay.next_if(|next| self::role(next.role) == role) {
            out.push(b',');
            out.extend_from_slice(&next.blocks);
        }
        out.push(b']');
        message.end();
    }
    list.end();
    Ok(())
}

/// Writes the blocks of a turn; None where there are none.
fn spoken(turn: &Turn<'_>, dropped: &mut Dropped) -> Option<Spoken> {
    let mut blocks = Vec::new();
    let mut list = Array::begin(&mut blocks);
    for part in &turn.parts {
        if turn.role == Role::System {
            instruction(part, turn.at, &mut list, dropped);
        } else {
            block(part, turn, &mut list, dropped);
        }
    }
    if list.is_empty() {
        return None;
    }
    Some(Spoken { role: turn.role, at: turn.at, blocks: blocks.split_off(1) })
}

/// Instructions are texts.
fn instruction(part: &Part<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    match part {
        Part::Text(text) => text_block(text, at, blocks, dropped),
        Part::CacheMark(mark) => cache_mark(mark, at, blocks, dropped),
        other => dropped.push(format!("messages[{at}].{}", other.name())),
    }
}

/// Whether a turn is one of instructions that go to `system`.
fn moves(turns: &[Spoken], at: usize, target: &Target<'_>) -> bool {
    let speaks = |turn: &&Spoken| turn.role != Role::System;
    let before = turns[..at].iter().rev().find(speaks);
    let after = turns[at..].iter().find(speaks);
    let may_stay = target.traits.system_turns
        && before.is_some_and(|turn| turn.role != Role::Assistant)
        && after.is_none_or(|turn| turn.role == Role::Assistant);
    turns[at].role == Role::System && !may_stay
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}
