//! Answers to questions that mean the same.
//!
//! Embedding, search and judgement happen on the embedder's own threads, behind a queue: a request that asks for them
//! waits a little, the others not at all. Where the queue is full or the answer late, it is a miss.

mod answers;
#[cfg(test)]
mod tests;
mod vectors;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use ferrogate_core::cache::guard::Rule;
use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Hit, Question, Store};
use ferrogate_core::cache::wording::{FORM, asked};
use ferrogate_core::snapshot::{Embedding, EmbeddingModel};
use ferrogate_embed::{Embed, Embedder, Error, Hashed, Pool, Vector, WIDTH};
use tokio::sync::oneshot;
use tokio::time::timeout;

use answers::Answers;
use vectors::Vectors;

/// A request waits so long for an answer that means the same. A call takes several times as long.
const WAIT: Duration = Duration::from_millis(250);

/// Between two looks whether the queue has room for what is not in a hurry.
const TURN: Duration = Duration::from_millis(1);

/// Between two looks for vectors whose answers are gone, and between two steps of building graphs.
const TENDING: Duration = Duration::from_millis(200);
const SWEEPING: u32 = 25;

/// What is looked for.
pub(crate) struct Wanted {
    pub(crate) question: Question,
    /// The similarity that is enough.
    pub(crate) threshold: f32,
    /// The oldest answer that will do, in milliseconds.
    pub(crate) max_age: u64,
    /// Unix milliseconds.
    pub(crate) now: u64,
    /// How long whoever asks can wait.
    pub(crate) patience: Option<Duration>,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Looked {
    /// The answer and how similar its question is.
    pub(crate) found: Option<(Hit, f32)>,
    /// The similarity of the nearest question, whether it was enough or not.
    pub(crate) nearest: Option<f32>,
    /// Why a question that was similar enough did not do.
    pub(crate) veto: Option<Rule>,
    /// Why nothing was looked for, or not to the end.
    pub(crate) given_up: Option<&'static str>,
    /// The vector of the question, for when it has an answer.
    pub(crate) vector: Option<Box<[f32]>>,
}

/// One embedder and all that was learned with it.
pub(crate) struct Semantic {
    settings: Embedding,
    /// The model and all that changes its vectors.
    model: String,
    pool: Pool,
    answers: Arc<Answers>,
    counts: Arc<Counts>,
    tender: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

/// Lookups since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) hits: AtomicU64,
    /// Nothing near enough.
    pub(crate) far: AtomicU64,
    pub(crate) vetoed: AtomicU64,
    /// The queue was full.
    pub(crate) busy: AtomicU64,
    /// The answer came after the wait.
    pub(crate) late: AtomicU64,
    /// The text is beyond what the model reads.
    pub(crate) too_long: AtomicU64,
}

impl Counts {
    /// Counts a lookup that was given up, and says why.
    fn given_up(count: &AtomicU64, why: &'static str) -> Looked {
        count.fetch_add(1, Relaxed);
        Looked { given_up: Some(why), ..Looked::default() }
    }
}

impl Semantic {
    /// Reads the model's weights, and the vectors in `folder`; what `present` has of the same model is taken over. The text
    /// says what is wrong with the weights.
    pub(crate) fn open(
        settings: &Embedding,
        store: &Arc<Store>,
        folder: Option<&Path>,
        present: Option<&Self>,
    ) -> Result<Self, String> {
        let embedder: Arc<dyn Embed> = match &settings.model {
            EmbeddingModel::MiniLm(folder) => {
                Arc::new(Embedder::new(folder).map_err(|error| error.to_string())?)
            }
            // A provider's vectors come with what is looked for.
            EmbeddingModel::Hashed | EmbeddingModel::Provider(_) => Arc::new(Hashed),
        };
        let (model, width) = match &settings.model {
            EmbeddingModel::Provider(model) => (format!("provider:{model}"), None),
            // Vectors of another wording are not comparable either.
            _ => (format!("{}/{FORM}", embedder.id()), Some(WIDTH)),
        };
        let pool = Pool::new(embedder, settings.threads, settings.queue)
            .map_err(|error| format!("no thread for the embedder: {error}"))?;
        let same = present.filter(|present| present.settings.model == settings.model);
        let answers = if let Some(present) = same.filter(|present| present.is_in_place()) {
            Arc::clone(&present.answers)
        } else {
            let vectors = Vectors::new(model.clone(), folder).open(width);
            Arc::new(Answers::new(Arc::clone(store), vectors))
        };
        let tender = tend(&answers).map_err(|error| format!("no thread for the vectors: {error}"))?;
        Ok(Self {
            settings: settings.clone(),
            model,
            pool,
            answers,
            counts: Arc::default(),
            tender: Some(tender),
        })
    }

    /// Learns which answers there are, and lets go of vectors that lead to none. Not before the answers were read from their
    /// file: until then it would be all of them.
    pub(crate) fn settle(&self) {
        self.answers.settle();
    }

    /// Whether the vectors are in their file, where they have one.
    pub(crate) fn is_in_place(&self) -> bool {
        self.answers.is_in_place()
    }

    /// Whether this is what `settings` ask for.
    pub(crate) fn is(&self, settings: &Embedding) -> bool {
        self.settings == *settings
    }

    /// The model whose vectors a provider makes, where one does.
    pub(crate) fn provider_model(&self) -> Option<&str> {
        match &self.settings.model {
            EmbeddingModel::Provider(model) => Some(model),
            _ => None,
        }
    }

    /// Looks for an answer; waits a little, and never for a place in the queue. `vector`: what a provider made of the
    /// question.
    pub(crate) async fn look(&self, wanted: Wanted, vector: Option<Box<[f32]>>) -> Looked {
        let (sender, receiver) = oneshot::channel();
        let answers = Arc::clone(&self.answers);
        let text = asked(&wanted.question.text);
        let wait = wanted.patience.map_or(WAIT, |patience| patience.min(WAIT));
        let search = move |vector: Result<Box<[f32]>, Error>| {
            // Whoever asked may have stopped waiting; then there is nothing to look for.
            if !sender.is_closed() {
                let _ = sender.send(vector.map(|vector| answers.search(&wanted, vector)));
            }
        };
        let queued = match vector {
            Some(vector) => self.pool.run(|| search(Ok(vector))),
            None => self.pool.submit(text, |vector| search(vector.map(|vector| Box::new(vector) as _))),
        };
        if queued.is_err() {
            return Counts::given_up(&self.counts.busy, "busy");
        }
        let looked = match timeout(wait, receiver).await {
            Ok(Ok(Ok(looked))) => looked,
            Ok(Ok(Err(Error::TooLong { .. }))) => return Counts::given_up(&self.counts.too_long, "too_long"),
            Ok(_) => return Looked::default(),
            Err(_) => return Counts::given_up(&self.counts.late, "late"),
        };
        let count = match (&looked.found, looked.veto) {
            (Some(_), _) => &self.counts.hits,
            (None, Some(_)) => &self.counts.vetoed,
            (None, None) => &self.counts.far,
        };
        count.fetch_add(1, Relaxed);
        looked
    }

    /// The vector of a text that is not in a hurry; None where it is too long, or the queue is full.
    pub(crate) async fn embed(&self, text: String) -> Option<Box<[f32]>> {
        let (sender, receiver) = oneshot::channel();
        let work = move |vector: Result<Vector, Error>| {
            let _ = sender.send(vector.ok());
        };
        self.pool.submit(text, work).ok()?;
        receiver.await.ok().flatten().map(|vector| Box::new(vector) as _)
    }

    /// The model and all that changes its vectors.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// A question has an answer now, under `key`. Where its vector is not known it is made in the background; where the
    /// queue is full, or a provider would have to be asked, it is found by equal requests alone.
    pub(crate) fn learn(&self, key: Key, question: Question, vector: Option<&[f32]>) {
        if let Some(vector) = vector {
            self.answers.insert(key, &question, vector);
            return;
        }
        if self.provider_model().is_some() {
            return;
        }
        let answers = Arc::clone(&self.answers);
        let text = asked(&question.text);
        let work = move |vector: Result<Vector, Error>| {
            if let Ok(vector) = vector {
                answers.insert(key, &question, &vector);
            }
        };
        let _ = self.pool.submit(text, work);
    }

    /// The same off the request path: waits until at most half of the queue is taken, so that requests find a place.
    pub(crate) fn learn_in_turn(&self, key: Key, question: &Question) {
        if self.provider_model().is_some() || self.settings.queue == 0 {
            return;
        }
        let most = (self.settings.queue / 2).max(1);
        loop {
            while self.pool.waiting() >= most {
                std::thread::sleep(TURN);
            }
            let (answers, asking) = (Arc::clone(&self.answers), question.clone());
            let work = move |vector: Result<Vector, Error>| {
                if let Ok(vector) = vector {
                    answers.insert(key, &asking, &vector);
                }
            };
            if self.pool.submit(asked(&question.text), work).is_ok() {
                return;
            }
        }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Questions that can be found, and the memory that their vectors take.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.answers.size()
    }

    /// Lets go of vectors whose answers are gone.
    pub(crate) fn sweep(&self) {
        self.answers.sweep();
    }
}

impl Drop for Semantic {
    fn drop(&mut self) {
        if let Some((ended, thread)) = self.tender.take() {
            ended.store(true, Relaxed);
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// A thread that builds graphs and takes out what is left over.
fn tend(answers: &Arc<Answers>) -> std::io::Result<(Arc<AtomicBool>, JoinHandle<()>)> {
    let ended = Arc::new(AtomicBool::new(false));
    let (stop, answers) = (Arc::clone(&ended), Arc::clone(answers));
    let thread = Builder::new().name("fg-vectors".to_owned()).spawn(move || {
        let mut rounds = 0u32;
        while !stop.load(Relaxed) {
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(SWEEPING) {
                answers.sweep();
            }
            if !answers.tend() {
                std::thread::park_timeout(TENDING);
            }
        }
    })?;
    Ok((ended, thread))
}
