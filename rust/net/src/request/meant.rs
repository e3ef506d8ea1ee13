//! Questions that are compared by meaning: how one is looked for, and what is learned of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_core::balance::Dice;
use ferrogate_core::cache::guard::Rule;
use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Hit, Question};
use ferrogate_core::cache::verify::{Sample, Verifier};
use ferrogate_core::snapshot::{Route, Snapshot, Verifying};
use tokio::time::timeout;

use super::own;
use super::verify::verifier;
use crate::cache::{Looked, Semantic, Wanted, unix_ms};
use crate::observe::Ticket;
use crate::shard::Shard;

/// What is compared by meaning.
pub(super) struct Meant {
    question: Question,
    /// The similarity that the configuration calls enough.
    threshold: f32,
    verifier: Option<Arc<Verifier>>,
    /// What the lookup made of the question, for when it has an answer, and the model that did: it may be another by then.
    vector: RefCell<Option<(String, Box<[f32]>)>>,
}

/// A text of more bytes has more pieces than the model reads, and more words than the guard judges.
pub(crate) const LONGEST: usize = 4096;

/// A provider has so long to make a vector; a call takes longer.
const EMBEDDING: Duration = Duration::from_secs(2);

impl Meant {
    /// None where there is no embedder, or nothing that it could read.
    pub(super) fn of(
        shard: &Shard,
        route: &Route,
        question: Question,
        threshold: f32,
        verifying: Option<Verifying>,
    ) -> Option<Self> {
        let semantic = shard.shared.cache.semantic()?;
        if question.text.is_empty() || question.text.len() > LONGEST {
            return None;
        }
        let verifier =
            verifying.and_then(|verifying| verifier(shard, &semantic, route, threshold, verifying));
        Some(Self { question, threshold, verifier, vector: RefCell::default() })
    }

    pub(super) fn question(&self) -> &Question {
        &self.question
    }

    /// The answer to a question that means the same, of `max_age` milliseconds at most. Says in the ticket what it found.
    pub(super) async fn find(
        &self,
        shard: &Rc<Shard>,
        snapshot: &Arc<Snapshot>,
        max_age: u64,
        limit: Option<Duration>,
        ticket: &mut Ticket,
    ) -> Option<Hit> {
        let semantic = shard.shared.cache.semantic()?;
        let patience = |limit: Duration| limit.saturating_sub(ticket.arrived.elapsed());
        let vector = match semantic.provider_model() {
            Some(model) => {
                let asking =
                    own::vector(shard, snapshot, model, &self.question.text, ticket.principal.clone());
                let wait = limit.map_or(EMBEDDING, |limit| patience(limit).min(EMBEDDING));
                Some(timeout(wait, asking).await.ok().flatten()?)
            }
            None => None,
        };
        let wanted = Wanted {
            question: self.question.clone(),
            // What the configuration says, or what verification has made of it.
            threshold: self.verifier.as_ref().map_or(self.threshold, |verifier| verifier.threshold()),
            max_age,
            now: unix_ms(),
            patience: limit.map(patience),
        };
        let Looked { found, nearest, veto, given_up, vector } = semantic.look(wanted, vector).await;
        *self.vector.borrow_mut() = vector.map(|vector| (semantic.model().to_owned(), vector));
        let (hit, similarity) = found.map_or((None, nearest), |(hit, score)| (Some(hit), Some(score)));
        ticket.similarity = similarity;
        if hit.is_some() {
            ticket.cache = "hit-semantic";
        } else {
            ticket.veto = veto.map(Rule::name).or(given_up);
        }
        hit
    }

    /// The question has an answer now.
    pub(super) fn learn(&self, semantic: &Semantic, key: Key) {
        let made = self.vector.borrow();
        let vector = made.as_ref().filter(|(model, _)| model == semantic.model());
        semantic.learn(key, self.question.clone(), vector.map(|(_, vector)| &**vector));
    }

    /// Whether a hit is verified, and how.
    pub(super) fn sample(&self, shard: &Shard) -> Option<(Arc<Verifier>, Sample)> {
        let verifier = self.verifier.as_ref()?;
        let sample = verifier.wants(unix_ms(), Dice::new(shard.random()).uniform())?;
        Some((Arc::clone(verifier), sample))
    }
}
