//! From what a client asks for to the lanes that may serve it: worked out at the first request, those of aliases at once;
//! gone with the snapshot.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::{Asked, Key, Provider, Resolved, Snapshot, Tier};
use crate::balance::{Lane, Member, Pool, RetryBudget};
use crate::dialects::Dialect;
use crate::error::{GatewayError, Kind};

/// One key of one provider for one model.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Who.
    pub provider: Arc<Provider>,
    /// Which of its keys.
    pub key: usize,
    /// Its name for the model.
    pub model: Arc<str>,
}

impl Choice {
    /// The key of `tier`'s provider at `key`.
    pub fn of(tier: &Tier, key: usize) -> Self {
        Self { provider: Arc::clone(&tier.provider), key, model: Arc::clone(&tier.model) }
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.provider.keys[self.key]
    }

    /// What it has been through.
    pub fn lane(&self) -> Arc<Lane> {
        self.key().lanes.lane(&self.model)
    }
}

/// How requests of a route are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sending {
    /// A second lane is asked where the first one is late: for so many of the requests at most.
    pub hedge: Option<f64>,
    /// One conversation stays on one lane while that does well.
    pub affinity: bool,
}

/// How answers of a route are kept and served again.
#[derive(Debug, Clone, PartialEq)]
pub struct Caching {
    /// Whether equal requests are what it is on for; else only those that mean the same.
    pub exact: bool,
    /// From which similarity on a request gets the answer of another one; none does where this is `None`.
    pub semantic: Option<f32>,
    /// How hits of that kind are verified; none are where this is `None`.
    pub verifying: Option<Verifying>,
    /// For how long an answer is fresh.
    pub ttl: Duration,
    /// How long beyond that it may still be served while a fresh one is fetched.
    pub stale: Duration,
    /// Whether answers that call tools are kept.
    pub tool_calls: bool,
    /// Whether identical requests in flight share one call.
    pub coalesce: bool,
    /// Members of the request that make no difference.
    pub ignore: Box<[Box<str>]>,
}

impl Default for Caching {
    fn default() -> Self {
        Self {
            exact: true,
            semantic: None,
            verifying: None,
            ttl: Duration::from_secs(300),
            stale: Duration::ZERO,
            tool_calls: false,
            coalesce: true,
            ignore: Box::default(),
        }
    }
}

/// How semantic hits are verified while they are served; see [`crate::cache::verify`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verifying {
    /// The share of hits that is verified.
    pub share: f64,
    /// The share of hits that may be wrong.
    pub target: f64,
    /// Background calls in any minute.
    pub per_minute: u32,
    /// Whether the threshold stays where it is.
    pub frozen: bool,
}

/// What makes vectors of questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedding {
    /// What kind of it.
    pub model: EmbeddingModel,
    /// How many texts are embedded at one time.
    pub threads: usize,
    /// How many texts wait; a request beyond that goes on without.
    pub queue: usize,
}

/// Where vectors come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbeddingModel {
    /// all-MiniLM-L6-v2, its weights in this folder.
    MiniLm(PathBuf),
    /// Hashed words: for tests.
    Hashed,
    /// Asked for under this name, as clients ask for models.
    Provider(Box<str>),
}

/// Lanes that share the requests for one name.
#[derive(Debug)]
pub struct Route {
    /// What is asked for, as people call it.
    pub name: Box<str>,
    /// The lanes, by their index in the pool.
    pub choices: Vec<Choice>,
    /// What divides the requests among them.
    pub pool: Arc<Pool>,
    /// What the providers of all lanes speak, where that is one dialect.
    pub spoken: Option<Dialect>,
    /// How they are sent.
    pub sending: Sending,
    /// How their answers are kept; none are where this is `None`.
    pub caching: Option<Caching>,
    /// How many requests may be tried again on lanes that fail themselves.
    pub retries: RetryBudget,
    /// How many may be sent twice.
    pub hedges: RetryBudget,
}

/// Of live traffic, and at once: beyond, a retry to a lane that fails itself would multiply an outage.
const RETRIES: (f64, u32) = (0.2, 20);
/// Hedges at once.
const HEDGES_AT_ONCE: u32 = 10;

impl Route {
    /// # Errors
    /// `provider_key_missing` where no key is usable, saying how to add one.
    fn new(
        name: &str,
        resolved: &Resolved,
        sending: Sending,
        caching: Option<Caching>,
    ) -> Result<Self, GatewayError> {
        let (mut choices, mut members) = (Vec::new(), Vec::new());
        for tier in resolved {
            let total: f64 = usable(tier).map(|(_, key)| key.weight).sum();
            for (index, key) in usable(tier) {
                let choice = Choice::of(tier, index);
                let weight = tier.weight * key.weight / total;
                members.push(Member { lane: choice.lane(), tier: tier.tier, weight });
                choices.push(choice);
            }
        }
        if choices.is_empty() {
            return Err(no_key(resolved));
        }
        let spoken = choices[0].provider.dialect;
        let is_one = choices.iter().all(|choice| choice.provider.dialect == spoken);
        Ok(Self {
            name: name.into(),
            spoken: is_one.then_some(spoken),
            choices,
            pool: Arc::new(Pool::new(members)),
            sending,
            caching,
            retries: RetryBudget::new(RETRIES.0, RETRIES.1),
            hedges: RetryBudget::new(sending.hedge.unwrap_or(0.0), HEDGES_AT_ONCE),
        })
    }
}

/// The keys that may serve, and where they stand.
fn usable(tier: &Tier) -> impl Iterator<Item = (usize, &Key)> {
    let keys = tier.provider.keys.iter().enumerate();
    keys.filter(|(_, key)| key.is_usable() && (tier.model.is_empty() || key.serves(&tier.model)))
}

/// Why nobody serves what was asked for, and what to do.
pub fn no_key(resolved: &Resolved) -> GatewayError {
    let Some(tier) = resolved.first() else {
        return GatewayError::new(Kind::ProviderNotFound, "No provider serves this model.")
            .with_param("model");
    };
    let provider = &tier.provider;
    let message = if provider.keys.iter().any(Key::is_usable) {
        format!(
            "No key of the provider \"{}\" may serve the model \"{}\"; see its `models`.",
            provider.name, tier.model
        )
    } else {
        format!("The provider \"{}\" has no usable key. Add one: {}.", provider.name, provider.key_hint)
    };
    GatewayError::new(Kind::ProviderKeyMissing, message)
}

/// Names may be the client's to choose, so no more routes than these are kept beside the aliases.
const KEPT: usize = 1024;

/// The routes that were asked for, by the prefix's own provider and the name.
#[derive(Debug, Default)]
pub(super) struct Routes(ArcSwap<HashMap<Box<str>, Named>>);

type Named = HashMap<Box<str>, Arc<Route>>;

impl Routes {
    fn find(&self, own: &str, name: &str) -> Option<Arc<Route>> {
        self.0.load().get(own)?.get(name).map(Arc::clone)
    }

    fn keep(&self, own: &str, name: &str, fresh: Arc<Route>, bounded: bool) -> Arc<Route> {
        let count: usize = self.0.load().values().map(HashMap::len).sum();
        if bounded && count >= KEPT {
            return fresh;
        }
        self.0.rcu(|held| {
            let mut routes = HashMap::clone(held);
            routes.entry(own.into()).or_default().entry(name.into()).or_insert_with(|| Arc::clone(&fresh));
            routes
        });
        self.find(own, name).unwrap_or(fresh)
    }
}

impl Snapshot {
    /// The lanes that may serve a request.
    ///
    /// # Errors
    /// `provider_not_found`, naming what comes nearest; `provider_key_missing`, saying how to add one.
    pub fn route(&self, asked: &Asked<'_>) -> Result<Arc<Route>, GatewayError> {
        let is_special = asked.provider.is_some() || asked.fallbacks.is_some();
        let wished = is_special.then(|| {
            let fallbacks = asked.fallbacks.unwrap_or_default();
            format!("{}\n{}\n{fallbacks}", asked.model, asked.provider.unwrap_or_default())
        });
        let name = wished.as_deref().unwrap_or(asked.model);
        if let Some(route) = self.routes.find(asked.own_provider, name) {
            return Ok(route);
        }
        let resolved = self.resolve(asked)?;
        let alias = asked.provider.is_none().then(|| self.aliases.get(asked.model)).flatten();
        let shown = match (alias, resolved.first()) {
            (None, Some(tier)) => format!("{}/{}", tier.provider.name, tier.model),
            _ => asked.model.to_owned(),
        };
        let sending = self.sending.get(asked.model).filter(|_| alias.is_some());
        let caching = self.caching.get(asked.model).filter(|_| alias.is_some());
        let route = Route::new(
            &shown,
            &resolved,
            *sending.unwrap_or(&self.default_sending),
            caching.unwrap_or(&self.default_caching).clone(),
        )?;
        let bounded = is_special || alias.is_none();
        Ok(self.routes.keep(asked.own_provider, name, Arc::new(route), bounded))
    }

    /// Works out the routes of all aliases, so that their lanes are known before the first request. One that nobody can
    /// serve yet says so when it is asked for.
    pub(super) fn prepare_aliases(&self) {
        for alias in self.alias_names() {
            let asked = Asked { model: alias, own_provider: "openai", provider: None, fallbacks: None };
            let _ = self.route(&asked);
        }
    }

    /// All routes that have been asked for, in the order of their names.
    pub fn routes(&self) -> Vec<Arc<Route>> {
        let held = self.routes.0.load();
        let mut all: Vec<_> = held.values().flat_map(HashMap::values).map(Arc::clone).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}
