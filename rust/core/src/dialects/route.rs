//! From a path to a dialect and an operation.

use super::{Operation, openai};

/// A wire format, fixed by the path's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's REST.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent`.
    GenAi,
    /// Bedrock's Converse.
    Bedrock,
    /// Cohere v2.
    Cohere,
}

impl Dialect {
    /// The prefix in the path, which is the dialect's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::GenAi => "genai",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
        }
    }

    /// The provider that a bare model name belongs to.
    pub const fn own_provider(self) -> &'static str {
        match self {
            Self::GenAi => "gemini",
            other => other.name(),
        }
    }
}

/// Where an inference path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The wire format of the client.
    pub dialect: Dialect,
    /// What is asked for.
    pub operation: Operation,
    /// The path behind the prefix and the version, without a leading slash.
    pub rest: &'a str,
}

/// The trees that repeat the whole set of prefixes, for people who come from other gateways.
const MIRRORS: [&str; 3] = ["litellm", "langchain", "pydanticai"];

/// The prefixes of [`tree`].
const PREFIXES: [&str; 6] = ["v1", "openai", "anthropic", "genai", "bedrock", "cohere"];

/// Reads a path; None where it is no inference path and belongs to the control plane.
pub fn route<'a>(method: &str, path: &'a str) -> Option<Route<'a>> {
    let path = path.strip_prefix('/')?;
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    if MIRRORS.contains(&first) {
        let (second, below) = rest.split_once('/').unwrap_or((rest, ""));
        return Some(tree(method, second, below).unwrap_or_else(|| openai_route(method, rest)));
    }
    tree(method, first, rest)
}

/// Whether the engine serves a path itself, by whichever method; every other one is the control plane's.
pub fn is_inference(path: &str) -> bool {
    let Some(path) = path.strip_prefix('/') else { return false };
    let first = path.split_once('/').map_or(path, |(first, _)| first);
    MIRRORS.contains(&first) || PREFIXES.contains(&first)
}

fn tree<'a>(method: &str, prefix: &str, rest: &'a str) -> Option<Route<'a>> {
    let dialect = match prefix {
        "v1" => return Some(openai_route(method, rest)),
        "openai" => {
            let rest = rest.strip_prefix("v1/").unwrap_or(if rest == "v1" { "" } else { rest });
            return Some(openai_route(method, rest));
        }
        "anthropic" => Dialect::Anthropic,
        "genai" => Dialect::GenAi,
        "bedrock" => Dialect::Bedrock,
        "cohere" => Dialect::Cohere,
        _ => return None,
    };
    Some(Route { dialect, operation: Operation::Other, rest })
}

fn openai_route<'a>(method: &str, rest: &'a str) -> Route<'a> {
    Route { dialect: Dialect::OpenAi, operation: openai::operation(method, rest), rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_leads_to_the_same_operation() {
        for path in [
            "/openai/v1/chat/completions",
            "/openai/chat/completions",
            "/v1/chat/completions",
            "/litellm/openai/v1/chat/completions",
            "/litellm/v1/chat/completions",
            "/langchain/chat/completions",
            "/pydanticai/openai/chat/completions",
        ] {
            let route = route("POST", path).unwrap();
            assert_eq!(
                (route.operation, route.rest),
                (Operation::ChatCompletions, "chat/completions"),
                "{path}"
            );
        }
    }

    #[test]
    fn control_plane_paths_are_not_inference() {
        for path in ["/", "/api/v1/keys", "/docs", "/metrics", "/v1beta", "/openaix/v1", "*", ""] {
            assert_eq!(route("GET", path), None, "{path}");
            assert!(!is_inference(path), "{path}");
        }
        for first in PREFIXES.iter().chain(&MIRRORS) {
            for path in [format!("/{first}"), format!("/{first}/"), format!("/{first}/x/y")] {
                assert!(is_inference(&path) && route("GET", &path).is_some(), "{path}");
            }
        }
    }

    #[test]
    fn other_dialects_are_named() {
        assert_eq!(route("POST", "/anthropic/v1/messages").unwrap().dialect, Dialect::Anthropic);
        assert_eq!(route("POST", "/litellm/anthropic/v1/messages").unwrap().dialect, Dialect::Anthropic);
    }
}
