//! How much to think, and what that leaves of the sampling parameters.
//! <https://platform.claude.com/docs/en/build-with-claude/effort>,
//! <https://platform.claude.com/docs/en/build-with-claude/thinking-tool-workflows>

use super::super::{Dropped, Target};
use crate::conversation::{Effort, Number, Part, Reasoning, Request, Role, ToolChoice};
use crate::dialects::anthropic::{Efforts, SamplingRule, Silence, ThinkingForm};

/// What is said about thinking.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Thinking {
    /// `thinking.type`
    pub(super) form: Option<&'static str>,
    /// `thinking.budget_tokens`
    pub(super) budget: Option<u64>,
    /// `output_config.effort`
    pub(super) effort: Option<&'static str>,
}

/// The least that a budget may be.
const LEAST_BUDGET: u64 = 1024;

/// Decides; an effort that the model does not have becomes the nearest one and is named.
pub(super) fn decide(
    request: &Request<'_>,
    target: &Target<'_>,
    max_tokens: u64,
    dropped: &mut Dropped,
) -> Thinking {
    const FIELD: &str = "reasoning_effort";
    let Some(effort) = request.effort else { return Thinking::default() };
    let traits = target.traits;
    if effort == Effort::None {
        let form = match traits.silence {
            Silence::Already => None,
            Silence::Disabled => Some("disabled"),
            Silence::BetweenTools => Some("between_tools"),
            Silence::Never => {
                dropped.push(FIELD);
                None
            }
        };
        return Thinking { form, ..Thinking::default() };
    }
    let (word, exact) = word(effort, traits.efforts);
    if !exact {
        dropped.push(FIELD);
    }
    match traits.thinking {
        ThinkingForm::Adaptive => Thinking { form: Some("adaptive"), budget: None, effort: word },
        _ if word.is_some() => Thinking { effort: word, ..Thinking::default() },
        // With a budget, a call that is forced is refused.
        ThinkingForm::Budget if !forces_a_call(request) && !lacks_thoughts(request) => {
            let budget = budget(effort).min(max_tokens / 2);
            if budget < LEAST_BUDGET {
                dropped.push(FIELD);
                return Thinking::default();
            }
            Thinking { form: Some("enabled"), budget: Some(budget), effort: None }
        }
        _ => {
            dropped.push(FIELD);
            Thinking::default()
        }
    }
}

/// The value of `output_config.effort`, and whether it says the same.
fn word(effort: Effort, known: Efforts) -> (Option<&'static str>, bool) {
    let highest = match known {
        Efforts::Absent => return (None, true),
        Efforts::High => Effort::High,
        Efforts::Max | Efforts::All => Effort::Max,
    };
    match effort.min(highest) {
        Effort::None | Effort::Minimal => (Some("low"), false),
        Effort::Low => (Some("low"), true),
        Effort::Medium => (Some("medium"), true),
        Effort::High => (Some("high"), effort == Effort::High),
        Effort::XHigh if known == Efforts::All => (Some("xhigh"), true),
        Effort::XHigh => (Some("high"), false),
        Effort::Max => (Some("max"), true),
    }
}

/// Models before efforts have a budget of tokens instead.
const fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => LEAST_BUDGET,
        Effort::Medium => 4096,
        Effort::High => 16_384,
        Effort::XHigh | Effort::Max => 32_768,
    }
}

fn forces_a_call(request: &Request<'_>) -> bool {
    let forced = matches!(
        request.tool_choice,
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. })
    );
    forced && !request.tools.is_empty()
}

/// Whether the calls that wait for an answer came without their thoughts, which a model with a budget asks for.
fn lacks_thoughts(request: &Request<'_>) -> bool {
    let last = request.turns.iter().rev().find(|turn| turn.role == Role::Assistant);
    last.is_some_and(|turn| {
        let calls = turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let thought = turn.parts.iter().any(|part| {
            matches!(
                part,
                Part::Reasoning(Reasoning::Redacted(_) | Reasoning::Thought { signature: Some(_), .. })
            )
        });
        calls && !thought
    })
}

/// The sampling parameters that may stand beside it, in Anthropic's range.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Draw<'a> {
    pub(super) temperature: Option<Number<'a>>,
    pub(super) top_p: Option<Number<'a>>,
    pub(super) top_k: Option<Number<'a>>,
}

/// Decides; 1 is what both sides take where nothing is said, so leaving that out changes nothing.
pub(super) fn draw<'a>(
    request: &Request<'a>,
    target: &Target<'_>,
    thinking: &Thinking,
    dropped: &mut Dropped,
) -> Draw<'a> {
    let sampling = &request.sampling;
    let rule = target.traits.sampling;
    let thinks = matches!(thinking.form, Some("enabled" | "adaptive"));
    if rule == SamplingRule::Neither {
        leave("temperature", sampling.temperature, dropped);
        leave("top_p", sampling.top_p, dropped);
        if sampling.top_k.is_some() {
            dropped.push("top_k");
        }
        return Draw::default();
    }
    let mut draw =
        Draw { temperature: sampling.temperature, top_p: sampling.top_p.filter(says), top_k: sampling.top_k };
    if thinks {
        leave("temperature", draw.temperature.take(), dropped);
        if draw.top_p.is_some_and(|top_p| top_p.value() < 0.95) {
            leave("top_p", draw.top_p.take(), dropped);
        }
        if draw.top_k.take().is_some() {
            dropped.push("top_k");
        }
        return draw;
    }
    if draw.temperature.is_some() && rule == SamplingRule::Either {
        leave("top_p", draw.top_p.take(), dropped);
    }
    if draw.temperature.is_some_and(|temperature| temperature.value() > 1.0) {
        dropped.push("temperature");
        draw.temperature = Number::wire("1");
    }
    draw
}

/// Whether a number is another than 1, which is what holds where nothing is said.
fn says(number: &Number<'_>) -> bool {
    number.value() < 1.0 || number.value() > 1.0
}

/// Names what is left away, if it said something.
fn leave(name: &'static str, number: Option<Number<'_>>, dropped: &mut Dropped) {
    if number.is_some_and(|number| says(&number)) {
        dropped.push(name);
    }
}
