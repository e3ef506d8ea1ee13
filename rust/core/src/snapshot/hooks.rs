//! Which hooks a request meets, and how each is bounded. What they do is Python's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Rejected, Snapshot, schema};

/// One hook, as requests meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookRules {
    /// Of the installed code: a new version of it has another one.
    pub id: u64,
    /// What it sees.
    pub stages: HookStages,
    /// For one call, the wait for a thread included.
    pub timeout: Duration,
    /// Where it fails the request goes on as if it were not there.
    pub open: bool,
}

/// What a hook sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookStages {
    /// Requests.
    pub request: bool,
    /// Whole answers.
    pub response: bool,
    /// The events of streams.
    pub event: bool,
}

/// Hooks in their order.
pub type HookChain = Arc<[HookRules]>;

/// The chains of all routes.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    default: Option<HookChain>,
    /// By alias, of those that say something of their own; None where they want none.
    own: HashMap<Box<str>, Option<HookChain>>,
}

impl Hooks {
    pub(super) fn compile(
        known: &[schema::Hook],
        default: &[u64],
        aliases: &[schema::Alias],
    ) -> Result<Self, Rejected> {
        let chain = |ids: &[u64]| -> Result<Option<HookChain>, Rejected> {
            let rules = ids.iter().map(|id| {
                let hook = known.iter().find(|hook| hook.id == *id);
                hook.map(rules).ok_or_else(|| Rejected(format!("hook {id} is named and not described")))
            });
            let rules = rules.collect::<Result<Vec<_>, _>>()?;
            Ok((!rules.is_empty()).then(|| rules.into()))
        };
        let mut own = HashMap::new();
        for alias in aliases {
            if let Some(ids) = &alias.hooks {
                own.insert(alias.name.clone().into(), chain(ids)?);
            }
        }
        Ok(Self { default: chain(default)?, own })
    }
}

impl Snapshot {
    /// The hooks of a request for `model`; one that names its provider goes past the aliases.
    pub fn hooks(&self, model: &str, is_pinned: bool) -> Option<&HookChain> {
        let own = self.hooks.own.get(model).filter(|_| !is_pinned);
        own.unwrap_or(&self.hooks.default).as_ref()
    }
}

fn rules(hook: &schema::Hook) -> HookRules {
    HookRules {
        id: hook.id,
        stages: HookStages {
            request: hook.stages.contains(&schema::HookStage::Request),
            response: hook.stages.contains(&schema::HookStage::Response),
            event: hook.stages.contains(&schema::HookStage::Event),
        },
        timeout: Duration::from_millis(hook.timeout_ms),
        open: hook.open,
    }
}
