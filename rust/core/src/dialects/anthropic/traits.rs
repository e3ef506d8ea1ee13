//! What a model takes, where Anthropic's models differ.
//!
//! A field that a model refuses is a 400 for the whole request, so what a model does not take is left out and named.
//! The facts are those of the pages on thinking, effort, structured outputs and mid-conversation system messages at
//! <https://platform.claude.com/docs>, by generation; a catalog that knows better passes its own.

/// Which of `temperature` and `top_p` may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingRule {
    /// Both.
    Both,
    /// One of them: from Claude 4.1.
    Either,
    /// None: from Claude 4.7.
    Neither,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingForm {
    /// It cannot be.
    Absent,
    /// `enabled`, with a budget of tokens: until Claude 4.5.
    Budget,
    /// `adaptive`: from Claude 4.6.
    Adaptive,
}

/// How thinking is turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It is off unless asked for.
    Already,
    /// `disabled`.
    Disabled,
    /// `between_tools`.
    BetweenTools,
    /// It cannot be.
    Never,
}

/// Which values `output_config.effort` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Efforts {
    /// It is refused.
    Absent,
    /// `low`, `medium`, `high`.
    High,
    /// And `max`.
    Max,
    /// And `xhigh`.
    All,
}

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Which of `temperature` and `top_p`.
    pub sampling: SamplingRule,
    /// How thinking is asked for.
    pub thinking: ThinkingForm,
    /// How it is turned off.
    pub silence: Silence,
    /// Which efforts.
    pub efforts: Efforts,
    /// `output_config.format`, and `strict` of a tool.
    pub structured: bool,
    /// Messages of the role `system` behind a user's turn.
    pub system_turns: bool,
}

/// A generation, as `(major, minor)`.
type Version = (u32, u32);

impl Traits {
    /// What is safe with a model of which nothing is known, on a server that speaks this dialect.
    pub const PLAIN: Self = Self {
        sampling: SamplingRule::Both,
        thinking: ThinkingForm::Absent,
        silence: Silence::Already,
        efforts: Efforts::Absent,
        structured: false,
        system_turns: false,
    };

    /// What a model of this name takes. A Claude of a later generation is taken for the latest that is known here.
    pub fn of(model: &str) -> Self {
        let Some((family, version)) = generation(model) else { return Self::PLAIN };
        let has_no_off = matches!(family, "fable" | "mythos");
        Self {
            sampling: match version {
                v if v >= (4, 7) => SamplingRule::Neither,
                v if v >= (4, 1) => SamplingRule::Either,
                _ => SamplingRule::Both,
            },
            thinking: match version {
                v if v >= (4, 6) => ThinkingForm::Adaptive,
                v if v >= (3, 7) => ThinkingForm::Budget,
                _ => ThinkingForm::Absent,
            },
            silence: match version {
                _ if has_no_off => Silence::Never,
                v if v < (5, 0) => Silence::Already,
                v if family == "sonnet" && v >= (5, 5) => Silence::BetweenTools,
                _ => Silence::Disabled,
            },
            efforts: match version {
                v if v >= (4, 7) => Efforts::All,
                (4, 6) => Efforts::Max,
                (4, 5) if family == "opus" => Efforts::High,
                _ => Efforts::Absent,
            },
            structured: version >= (4, 5),
            system_turns: version >= (4, 8) && (family, version) != ("sonnet", (5, 0)),
        }
    }
}

/// The family and generation in `claude-opus-4-5-20251101`, `claude-3-7-sonnet-latest`, `claude-sonnet-4@20250514`.
fn generation(model: &str) -> Option<(&'static str, Version)> {
    const FAMILIES: [&str; 6] = ["opus", "sonnet", "haiku", "fable", "mythos", "instant"];
    let mut words = model.split(['-', '.', '@', ':', '/', '_']).skip_while(|word| *word != "claude");
    words.next()?;
    let (mut family, mut numbers) = (None, [None; 2]);
    for word in words {
        if let Some(known) = FAMILIES.iter().find(|known| **known == word) {
            family = Some(*known);
        } else if word == "preview" {
            // Mythos Preview, which came before Claude 5, takes what Claude 4.7 does.
            numbers = [Some(4), Some(7)];
        } else if word.len() <= 2
            && let Ok(number) = word.parse()
        {
            if let Some(free) = numbers.iter_mut().find(|slot| slot.is_none()) {
                *free = Some(number);
            }
        } else {
            // A date: what follows is a revision.
            break;
        }
    }
    Some((family?, (numbers[0]?, numbers[1].unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read_from_every_spelling() {
        for (model, expected) in [
            ("claude-opus-4-5-20251101", Some(("opus", (4, 5)))),
            ("claude-opus-4-20250514", Some(("opus", (4, 0)))),
            ("claude-3-7-sonnet-latest", Some(("sonnet", (3, 7)))),
            ("claude-3-haiku-20240307", Some(("haiku", (3, 0)))),
            ("claude-sonnet-4@20250514", Some(("sonnet", (4, 0)))),
            ("us.anthropic.claude-opus-4-6-v1", Some(("opus", (4, 6)))),
            ("anthropic/claude-haiku-5-5", Some(("haiku", (5, 5)))),
            ("claude-fable-5", Some(("fable", (5, 0)))),
            ("claude-mythos-preview", Some(("mythos", (4, 7)))),
            ("claude-2.1", None),
            ("claude", None),
            ("gpt-4o", None),
            ("", None),
        ] {
            assert_eq!(generation(model), expected, "{model}");
        }
    }

    #[test]
    fn each_generation_takes_what_its_pages_say() {
        use SamplingRule as S;
        use ThinkingForm as T;
        let row = |model| {
            let Traits { sampling, thinking, silence, efforts, structured, system_turns } = Traits::of(model);
            (sampling, thinking, silence, efforts, structured, system_turns)
        };
        let already = Silence::Already;
        for (model, expected) in [
            ("claude-3-5-haiku-latest", (S::Both, T::Absent, already, Efforts::Absent, false, false)),
            ("claude-opus-4-1", (S::Either, T::Budget, already, Efforts::Absent, false, false)),
            ("claude-haiku-4-5", (S::Either, T::Budget, already, Efforts::Absent, true, false)),
            ("claude-opus-4-5", (S::Either, T::Budget, already, Efforts::High, true, false)),
            ("claude-sonnet-4-6", (S::Either, T::Adaptive, already, Efforts::Max, true, false)),
            ("claude-opus-4-7", (S::Neither, T::Adaptive, already, Efforts::All, true, false)),
            ("claude-opus-4-8", (S::Neither, T::Adaptive, already, Efforts::All, true, true)),
            ("claude-sonnet-5", (S::Neither, T::Adaptive, Silence::Disabled, Efforts::All, true, false)),
            ("claude-sonnet-5-5", (S::Neither, T::Adaptive, Silence::BetweenTools, Efforts::All, true, true)),
            ("claude-mythos-preview", (S::Neither, T::Adaptive, Silence::Never, Efforts::All, true, false)),
            ("claude-fable-5-1", (S::Neither, T::Adaptive, Silence::Never, Efforts::All, true, true)),
        ] {
            assert_eq!(row(model), expected, "{model}");
        }
        assert_eq!(Traits::of("llama-4"), Traits::PLAIN);
    }
}
