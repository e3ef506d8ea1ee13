//! From a model's name to the providers that may serve it, in tiers.
//!
//! The order: an alias; the text before the first `/` where it names a configured provider; a provider whose keys list
//! the name; the prefix's own provider.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Provider, Snapshot, schema};
use crate::error::{GatewayError, Kind};

/// One entry of an alias, looked up.
#[derive(Debug)]
pub(super) struct AliasTarget {
    provider: usize,
    model: Box<str>,
    weight: Option<f64>,
}

/// What a client asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The model's name; empty where the path needs none.
    pub model: &'a str,
    /// The provider that a bare name belongs to.
    pub own_provider: &'a str,
    /// `x-gateway-provider`.
    pub provider: Option<&'a str>,
    /// `x-gateway-fallbacks`.
    pub fallbacks: Option<&'a str>,
}

/// One provider that may serve the request.
#[derive(Debug, Clone)]
pub struct Tier {
    /// Who.
    pub provider: Arc<Provider>,
    /// Its name for the model.
    pub model: Arc<str>,
    /// Targets of one tier share the traffic by weight.
    pub tier: u32,
    /// The share.
    pub weight: f64,
}

/// Where a request may go, best tier first.
pub type Resolved = Vec<Tier>;

pub(super) fn compile_alias(
    alias: &schema::Alias,
    providers: &HashMap<Box<str>, usize>,
) -> Result<Vec<AliasTarget>, String> {
    if alias.targets.is_empty() {
        return Err(format!("alias {}: has no targets", alias.name));
    }
    let mut targets = Vec::with_capacity(alias.targets.len());
    for target in &alias.targets {
        let provider = *providers
            .get(target.provider.as_str())
            .ok_or_else(|| format!("alias {}: no provider is called {}", alias.name, target.provider))?;
        if target.weight.is_some_and(|weight| !weight.is_finite() || weight <= 0.0) {
            return Err(format!("alias {}: a weight must be above 0", alias.name));
        }
        targets.push(AliasTarget { provider, model: target.model.as_str().into(), weight: target.weight });
    }
    Ok(targets)
}

impl Snapshot {
    /// Finds who may serve a request.
    ///
    /// # Errors
    /// `provider_not_found`, naming what comes nearest.
    pub fn resolve(&self, asked: &Asked<'_>) -> Result<Resolved, GatewayError> {
        let mut found = match asked.provider {
            Some(name) => vec![self.pinned(name, asked.model)?],
            None => self.by_model(asked)?,
        };
        for fallback in
            asked.fallbacks.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty())
        {
            let tier = found.last().map_or(0, |entry| entry.tier + 1);
            let more = self.by_model(&Asked { model: fallback, ..*asked })?;
            found.extend(more.into_iter().map(|entry| Tier { tier: tier + entry.tier, ..entry }));
        }
        Ok(found)
    }

    fn pinned(&self, name: &str, model: &str) -> Result<Tier, GatewayError> {
        let provider = self.provider(name).ok_or_else(|| self.not_found(name))?;
        let own = model.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
        Ok(single(provider, own))
    }

    fn by_model(&self, asked: &Asked<'_>) -> Result<Resolved, GatewayError> {
        let model = asked.model;
        if let Some(targets) = self.aliases.get(model) {
            return Ok(self.alias(targets));
        }
        if let Some((name, rest)) = model.split_once('/')
            && let Some(provider) = self.provider(name).filter(|provider| provider.configured)
        {
            return Ok(vec![single(provider, rest)]);
        }
        if !model.is_empty()
            && let Some(provider) =
                self.providers.iter().find(|provider| provider.keys.iter().any(|key| key.lists(model)))
        {
            return Ok(vec![single(provider, model)]);
        }
        let own = self.provider(asked.own_provider);
        // Where the prefix's own provider cannot serve either, the name before the slash is what was meant.
        if own.is_none_or(|provider| !provider.configured)
            && let Some((name, rest)) = model.split_once('/')
        {
            let known = self.provider(name).ok_or_else(|| self.not_found(model))?;
            return Ok(vec![single(known, rest)]);
        }
        own.map(|provider| vec![single(provider, model)]).ok_or_else(|| self.not_found(model))
    }

    fn alias(&self, targets: &[AliasTarget]) -> Resolved {
        let drawn = targets.iter().filter(|target| target.weight.is_some());
        let in_line = targets.iter().filter(|target| target.weight.is_none());
        let first = u32::from(targets.iter().any(|target| target.weight.is_some()));
        let tier = |target: &AliasTarget, tier: u32| Tier {
            provider: Arc::clone(&self.providers[target.provider]),
            model: Arc::from(&*target.model),
            tier,
            weight: target.weight.unwrap_or(1.0),
        };
        let drawn = drawn.map(|target| tier(target, 0));
        drawn.chain((first..).zip(in_line).map(|(index, target)| tier(target, index))).collect()
    }

    fn not_found(&self, asked: &str) -> GatewayError {
        let known =
            self.providers.iter().filter(|provider| provider.configured).map(|provider| &*provider.name);
        let mut names: Vec<&str> = self.alias_names().chain(known).collect();
        let wanted = asked.split('/').next().unwrap_or_default();
        names.sort_by_key(|name| distance(name, wanted));
        names.truncate(3);
        let hint = if names.is_empty() {
            "No provider is configured yet: add a key with `gateway keys add PROVIDER`.".to_owned()
        } else {
            format!("The nearest names are: {}.", names.join(", "))
        };
        let shown: String = asked.chars().take(80).collect();
        let message = format!("No configured provider serves \"{shown}\". {hint}");
        GatewayError::new(Kind::ProviderNotFound, message).with_param("model")
    }
}

fn single(provider: &Arc<Provider>, model: &str) -> Tier {
    Tier { provider: Arc::clone(provider), model: Arc::from(model), tier: 0, weight: 1.0 }
}

/// Edit distance, bounded by looking at the first 32 characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(32).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, character) in left.chars().take(32).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..right.len() {
            let replaced = diagonal + usize::from(right[column] != character);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
