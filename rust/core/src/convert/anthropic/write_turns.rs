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

/// Whether the instructions at `at` stay where they are.
fn stays(turns: &[Turn<'_>], at: usize, target: &Target<'_>) -> bool {
    let spoken = |turn: &&Turn<'_>| turn.role != Role::System;
    let before = turns[..at].iter().rev().find(spoken);
    let after = turns[at..].iter().find(spoken);
    target.traits.system_turns
        && before.is_some_and(|turn| turn.role != Role::Assistant)
        && after.is_none_or(|turn| turn.role == Role::Assistant)
}

/// Writes `system`, where there are instructions for it.
pub(super) fn system(
    request: &Request<'_>,
    target: &Target<'_>,
    object: &mut Object<'_>,
    dropped: &mut Dropped,
) {
    let turns = &request.turns;
    let leading = turns.iter().take_while(|turn| turn.role == Role::System).count();
    let moved = |at: &usize| turns[*at].role == Role::System && !stays(turns, *at, target);
    let moved: Vec<usize> = (0..turns.len()).filter(moved).collect();
    if moved.is_empty() {
        return;
    }
    let mut content = Vec::new();
    let mut blocks = Array::begin(&mut content);
    for at in moved {
        let turn = &turns[at];
        if at >= leading {
            dropped.push(format!("messages[{}].position", turn.at));
        }
        for part in &turn.parts {
            instruction(part, turn.at, &mut blocks, dropped);
        }
    }
    if blocks.is_empty() {
        return;
    }
    blocks.end();
    object.key("system").extend_from_slice(&content);
}

fn instruction(part: &Part<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    match part {
        Part::Text(text) => text_block(text, at, blocks, dropped),
        Part::CacheMark(mark) => cache_mark(mark, at, blocks, dropped),
        other => dropped.push(format!("messages[{at}].{}", other.name())),
    }
}

/// Writes `messages`: turns of one role that follow one another become one.
pub(super) fn messages(
    request: &Request<'_>,
    target: &Target<'_>,
    object: &mut Object<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let turns = &request.turns;
    let mut list = object.array("messages");
    let mut open: Option<(&'static str, Vec<u8>)> = None;
    for (at, turn) in turns.iter().enumerate() {
        if turn.role == Role::System && !stays(turns, at, target) {
            continue;
        }
        let role = role(turn.role);
        if let Some((_, content)) = open.as_mut().filter(|(before, _)| *before == role) {
            let mut blocks = Array::resume(content);
            turn.parts.iter().for_each(|part| block(part, turn, &mut blocks, dropped));
            continue;
        }
        let mut content = Vec::new();
        let mut blocks = Array::begin(&mut content);
        turn.parts.iter().for_each(|part| block(part, turn, &mut blocks, dropped));
        // A turn with nothing in it does not part those around it.
        if !blocks.is_empty() {
            close(open.replace((role, content)), &mut list);
        }
    }
    close(open, &mut list);
    if list.is_empty() {
        let what = "holds nothing that can be sent to this provider: it asks for a user's turn with content";
        return Err(Refusal::unservable("messages", what));
    }
    list.end();
    Ok(())
}

fn close(turn: Option<(&'static str, Vec<u8>)>, list: &mut Array<'_>) {
    let Some((role, content)) = turn else { return };
    let mut message = list.object();
    message.string("role", role);
    let out = message.key("content");
    out.extend_from_slice(&content);
    out.push(b']');
    message.end();
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}
