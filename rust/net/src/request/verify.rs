//! Semantic hits that are asked upstream as well, behind the client's back and after its answer; see
//! [`ferrogate_core::cache::verify`].

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ferrogate_core::cache::key::Form;
use ferrogate_core::cache::replay;
use ferrogate_core::cache::verify::{PATIENCE, Sample, Settings, Verifier};
use ferrogate_core::snapshot::{Route, Snapshot, Verifying};

use super::own::{self, Call};
use crate::cache::{Semantic, unix_ms};
use crate::shard::Shard;

/// The judgement of a route's hits.
pub(super) fn verifier(
    shard: &Shard,
    semantic: &Semantic,
    route: &Route,
    threshold: f32,
    verifying: Verifying,
) -> Option<Arc<Verifier>> {
    let Verifying { share, target, per_minute, frozen } = verifying;
    let lanes = route.choices.iter().map(|choice| format!("{}/{}", choice.provider.name, choice.model));
    let mut lanes: Vec<String> = lanes.collect();
    lanes.sort_unstable();
    lanes.dedup();
    let settings = Settings {
        configured: threshold,
        target,
        share,
        per_minute,
        frozen,
        patience: PATIENCE,
        embedder: semantic.model().to_owned(),
        model: lanes.join(","),
    };
    shard.shared.cache.verifiers.of(&route.name, &settings)
}

/// A hit that is verified.
pub(super) struct Check {
    pub(super) verifier: Arc<Verifier>,
    pub(super) sample: Sample,
    /// Of the two questions.
    pub(super) similarity: f32,
    pub(super) form: Form,
    /// Whether the call brings a stream.
    pub(super) stream: bool,
    /// What the client got, whole.
    pub(super) served: Bytes,
    pub(super) call: Call,
}

impl Check {
    /// Makes the calls and takes in what they bring.
    pub(super) async fn run(self, shard: Rc<Shard>, snapshot: Arc<Snapshot>) {
        match self.compared(&shard, &snapshot).await {
            None => self.verifier.unjudged(),
            Some(answers) => match self.sample {
                Sample::Check => {
                    self.verifier.observe(unix_ms(), self.similarity, answers);
                }
                Sample::Calibration => self.verifier.calibrate(answers),
            },
        }
    }

    /// The cosine of two answers: the one that was served and a new one, or two new ones.
    async fn compared(&self, shard: &Rc<Shard>, snapshot: &Arc<Snapshot>) -> Option<f32> {
        let semantic = shard.shared.cache.semantic()?;
        let one = match self.sample {
            Sample::Check => replay::said(self.form, &self.served)?,
            Sample::Calibration => self.asked(shard, snapshot).await?,
        };
        let other = self.asked(shard, snapshot).await?;
        let one = self.vector(shard, snapshot, &semantic, one).await?;
        let other = self.vector(shard, snapshot, &semantic, other).await?;
        let dot: f32 = one.iter().zip(&other).map(|(one, other)| one * other).sum();
        let norm = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let cosine = dot / (norm(&one) * norm(&other));
        cosine.is_finite().then_some(cosine)
    }

    /// What a new call answers.
    async fn asked(&self, shard: &Rc<Shard>, snapshot: &Arc<Snapshot>) -> Option<String> {
        let body = self.call.answer(shard, snapshot).await?;
        if self.stream {
            return replay::said(self.form, &replay::whole(self.form, &body).ok()?);
        }
        replay::said(self.form, &body)
    }

    async fn vector(
        &self,
        shard: &Rc<Shard>,
        snapshot: &Arc<Snapshot>,
        semantic: &Semantic,
        text: String,
    ) -> Option<Box<[f32]>> {
        match semantic.provider_model() {
            Some(model) => own::vector(shard, snapshot, model, &text, self.call.principal.clone()).await,
            None => semantic.embed(text).await,
        }
    }
}
