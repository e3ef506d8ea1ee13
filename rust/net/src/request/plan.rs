//! The order of lanes for one request.

use std::sync::Arc;

use ferrogate_core::balance::{Candidate, Draw, Lane};
use ferrogate_core::dialects::Operation;
use ferrogate_core::snapshot::{Key, Provider, Resolved};
use ferrogate_core::{GatewayError, Kind};

/// One lane that was chosen.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) provider: Arc<Provider>,
    pub(crate) key: usize,
    pub(crate) model: Arc<str>,
}

impl Choice {
    pub(crate) fn key(&self) -> &Key {
        &self.provider.keys[self.key]
    }

    pub(super) fn lane(&self) -> Arc<Lane> {
        self.key().lanes.lane(&self.model)
    }
}

/// Lanes that are left, drawn one by one.
#[derive(Debug)]
pub(super) struct Plan {
    lanes: Vec<Choice>,
    order: Draw,
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
        let mut lanes = Vec::new();
        let mut candidates = Vec::new();
        for tier in resolved {
            let usable = |key: &&Key| key.is_usable() && (tier.model.is_empty() || key.serves(&tier.model));
            let total: f64 = tier.provider.keys.iter().filter(usable).map(|key| key.weight).sum();
            for (index, key) in tier.provider.keys.iter().enumerate() {
                if usable(&key) {
                    let weight = tier.weight * key.weight / total;
                    candidates.push(Candidate { tier: tier.tier, weight });
                    lanes.push(Choice {
                        provider: Arc::clone(&tier.provider),
                        key: index,
                        model: Arc::clone(&tier.model),
                    });
                }
            }
        }
        if lanes.is_empty() {
            return Err(missing(resolved));
        }
        Ok(Self { lanes, order: Draw::new(candidates) })
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
        let choice = Choice { provider: Arc::clone(&tier.provider), key, model: Arc::clone(&tier.model) };
        Ok(Self { lanes: vec![choice], order: Draw::new([Candidate { tier: 0, weight: 1.0 }]) })
    }

    /// The next lane; `random` is uniform in [0, 1).
    pub(super) fn next(&mut self, random: f64) -> Option<Choice> {
        self.order.next(random).map(|index| self.lanes[index].clone())
    }

    /// How many lanes have not been tried.
    pub(super) fn remaining(&self) -> usize {
        self.order.remaining()
    }
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
