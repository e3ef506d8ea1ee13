//! The order of lanes for one request.

use std::sync::Arc;

use ferrogate_core::balance::{Candidate, Draw, Lane};
use ferrogate_core::dialects::Operation;
use ferrogate_core::snapshot::{Key, Provider, Resolved, Tier};
use ferrogate_core::{GatewayError, Kind};

/// One lane that was chosen.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) provider: Arc<Provider>,
    pub(crate) key: usize,
    pub(crate) model: Arc<str>,
}

impl Choice {
    fn of(tier: &Tier, key: usize) -> Self {
        Self { provider: Arc::clone(&tier.provider), key, model: Arc::clone(&tier.model) }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.provider.keys[self.key]
    }

    pub(super) fn lane(&self) -> Arc<Lane> {
        self.key().lanes.lane(&self.model)
    }
}

/// Lanes that are left, drawn one by one.
#[derive(Debug)]
pub(super) enum Plan {
    /// The only one, until it is drawn.
    One(Option<Choice>),
    /// By weight and tier.
    Many { lanes: Vec<Choice>, order: Draw },
}

impl Plan {
    /// Every lane that may serve.
    ///
    /// # Errors
    /// `key_not_found` for a pin that names no key; `provider_key_missing` where no key is usable, saying how to add one.
    pub(super) fn new(
        resolved: &Resolved,
        operation: Operation,
        pin: Option<&str>,
    ) -> Result<Self, GatewayError> {
        if operation.is_stored() || pin.is_some() {
            return Self::single(resolved, pin);
        }
        if let [tier] = &resolved[..] {
            let mut usable = usable(tier);
            if let (Some((key, _)), None) = (usable.next(), usable.next()) {
                return Ok(Self::One(Some(Choice::of(tier, key))));
            }
        }
        let mut lanes = Vec::new();
        let mut candidates = Vec::new();
        for tier in resolved {
            let total: f64 = usable(tier).map(|(_, key)| key.weight).sum();
            for (index, key) in usable(tier) {
                candidates.push(Candidate { tier: tier.tier, weight: tier.weight * key.weight / total });
                lanes.push(Choice::of(tier, index));
            }
        }
        if lanes.is_empty() {
            return Err(missing(resolved));
        }
        Ok(Self::Many { lanes, order: Draw::new(candidates) })
    }

    /// One stable key: the pinned one, or the first enabled one.
    fn single(resolved: &Resolved, pin: Option<&str>) -> Result<Self, GatewayError> {
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
                None => missing(resolved),
            });
        };
        Ok(Self::One(Some(Choice::of(tier, key))))
    }

    /// The next lane; `random` is uniform in [0, 1).
    pub(super) fn next(&mut self, random: f64) -> Option<Choice> {
        match self {
            Self::One(choice) => choice.take(),
            Self::Many { lanes, order } => order.next(random).map(|index| lanes[index].clone()),
        }
    }

    /// How many lanes have not been tried.
    pub(super) fn remaining(&self) -> usize {
        match self {
            Self::One(choice) => usize::from(choice.is_some()),
            Self::Many { order, .. } => order.remaining(),
        }
    }
}

/// The keys that may serve, and where they stand.
fn usable(tier: &Tier) -> impl Iterator<Item = (usize, &Key)> {
    let keys = tier.provider.keys.iter().enumerate();
    keys.filter(|(_, key)| key.is_usable() && (tier.model.is_empty() || key.serves(&tier.model)))
}

fn missing(resolved: &Resolved) -> GatewayError {
    let Some(tier) = resolved.first() else {
        return GatewayError::new(Kind::ProviderNotFound, "No provider serves this model.")
            .with_param("model");
    };
    let provider = &tier.provider;
    let message = if provider.keys.iter().any(ferrogate_core::snapshot::Key::is_usable) {
        format!(
            "No key of the provider \"{}\" may serve the model \"{}\"; see its `models`.",
            provider.name, tier.model
        )
    } else {
        format!("The provider \"{}\" has no usable key. Add one: {}.", provider.name, provider.key_hint)
    };
    GatewayError::new(Kind::ProviderKeyMissing, message)
}
