//! The order of lanes for one request.

use std::sync::Arc;

use ferrogate_core::balance::{Decision, Dice, LaneGuard, Moment, Order};
use ferrogate_core::convert::Pair;
use ferrogate_core::dialects::{Dialect, Operation};
use ferrogate_core::snapshot::{Choice, Provider, Resolved, Route, no_key};
use ferrogate_core::{GatewayError, Kind};

/// Lanes that are left, one by one.
#[derive(Debug)]
pub(super) enum Plan {
    /// The only one, until it is yielded. It is tried whatever it has been through: the gateway does not answer in the
    /// place of a provider that may be asked.
    One(Option<Choice>),
    /// By what they do now.
    Many { route: Arc<Route>, order: Order },
}

/// A lane that was chosen, with its attempt begun.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) choice: Choice,
    pub(super) guard: LaneGuard,
    pub(super) decision: Option<Decided>,
}

/// What was known when a lane was chosen.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) route: Arc<Route>,
    pub(crate) decision: Decision,
}

impl Plan {
    /// The lanes of a route.
    pub(super) fn of(route: Arc<Route>, now: Moment, affinity: Option<u64>) -> Self {
        if let [choice] = &route.choices[..] {
            return Self::One(Some(choice.clone()));
        }
        route.retries.arrived(now);
        if route.sending.hedge.is_some() {
            route.hedges.arrived(now);
        }
        let mut order = route.pool.order(now);
        if let Some(hash) = affinity {
            order = order.with_affinity(hash);
        }
        Self::Many { route, order }
    }

    /// Leaves out lanes whose provider speaks another dialect, which this operation cannot be carried into.
    ///
    /// # Errors
    /// `not_supported` where none is left.
    pub(super) fn serving(mut self, client: Dialect, operation: Operation) -> Result<Self, GatewayError> {
        if self.route().is_some_and(|route| route.spoken == Some(client)) {
            return Ok(self);
        }
        let serves = |choice: &Choice| {
            let spoken = choice.provider.dialect;
            spoken == client || Pair::of(client, operation, spoken).is_some()
        };
        let asked = match &mut self {
            Self::One(choice) => choice.as_ref().filter(|choice| !serves(choice)).cloned(),
            Self::Many { route, order } => {
                let mut foreign = None;
                for (index, choice) in route.choices.iter().enumerate().filter(|(_, choice)| !serves(choice))
                {
                    order.skip(index);
                    foreign = Some(choice.clone());
                }
                foreign.filter(|_| order.remaining() == 0)
            }
        };
        let Some(choice) = asked else { return Ok(self) };
        let message = format!(
            "The provider \"{}\" speaks another dialect ({}), into which chat completions are converted and nothing else.",
            choice.provider.name,
            choice.provider.dialect.name(),
        );
        Err(GatewayError::new(Kind::NotSupported, message))
    }

    /// One stable key: the pinned one, or the first enabled one.
    ///
    /// # Errors
    /// `key_not_found` for a pin that names no key; `provider_key_missing` where no key is usable, saying how to add one.
    pub(super) fn single(resolved: &Resolved, pin: Option<&str>) -> Result<Self, GatewayError> {
        let find = |provider: &Provider| match pin {
            Some(name) => provider.keys.iter().position(|key| key.enabled && *key.name == *name),
            None => provider.stable_key(),
        };
        let found = resolved.iter().find_map(|tier| find(&tier.provider).map(|key| (tier, key)));
        let Some((tier, key)) = found else {
            return Err(match pin {
                Some(_) => GatewayError::new(
                    Kind::KeyNotFound,
                    "The header x-gateway-key names no enabled key of the provider; see `gateway keys list`.",
                ),
                None => no_key(resolved),
            });
        };
        Ok(Self::One(Some(Choice::of(tier, key))))
    }

    /// The next lane.
    pub(super) fn next(&mut self, now: Moment, dice: &mut Dice) -> Option<Picked> {
        match self {
            Self::One(choice) => {
                let choice = choice.take()?;
                let guard = choice.lane().begin(now);
                Some(Picked { choice, guard, decision: None })
            }
            Self::Many { route, order } => {
                let pick = order.next(now, dice)?;
                let decision = order.explain(pick.reason, now);
                let decided = Decided { route: Arc::clone(route), decision };
                let choice = route.choices[pick.index].clone();
                Some(Picked { choice, guard: pick.guard, decision: Some(decided) })
            }
        }
    }

    /// How many lanes have not been tried.
    pub(super) fn remaining(&self) -> usize {
        match self {
            Self::One(choice) => usize::from(choice.is_some()),
            Self::Many { order, .. } => order.remaining(),
        }
    }

    /// Whether one more may be tried: a lane that does its work always, one that fails itself as the budget allows.
    pub(super) fn may_retry(&self, now: Moment) -> bool {
        match self {
            Self::One(_) => false,
            Self::Many { route, order } => {
                order.remaining() > 0 && (order.has_sound(now) || route.retries.take(now))
            }
        }
    }

    /// The route, where there was a choice.
    pub(super) fn route(&self) -> Option<&Arc<Route>> {
        match self {
            Self::One(_) => None,
            Self::Many { route, .. } => Some(route),
        }
    }
}
