//! The network: BERT's encoder, its outputs averaged over the tokens and scaled to length one.

mod layer;
mod scratch;

use std::path::Path;
use std::sync::Arc;

use crate::folder::{Folder, SHA256};
use crate::kernel::Kernel;
use crate::tokenizer::Tokenizer;
use crate::weights::Weights;
use crate::{Embed, Error, Vector, WIDTH};

use layer::{Layer, Scale};
pub use scratch::Scratch;

/// all-MiniLM-L6-v2 was trained on shorter texts and is published with this limit, though it has 512 positions: what
/// comes later in a text has positions that training hardly touched.
const LIMIT: usize = 256;

/// What may be different from the usual.
#[derive(Debug, Clone)]
pub struct Options {
    /// The SHA-256 that model.safetensors must have, in lower-case hexadecimal. None takes any file of this shape.
    pub sha256: Option<String>,
    /// Leave out the vector instructions that only some machines have: slow, for comparison.
    pub portable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { sha256: Some(SHA256.to_owned()), portable: false }
    }
}

/// all-MiniLM-L6-v2, or another BERT of its shape. A clone shares the weights (90 MB).
#[derive(Clone)]
pub struct Embedder {
    shared: Arc<Shared>,
}

struct Shared {
    id: String,
    tokenizer: Tokenizer,
    kernel: Kernel,
    words: Vec<f32>,
    /// Positions, with the one segment's row added to each.
    positions: Vec<f32>,
    norm: Scale,
    layers: Vec<Layer>,
}

impl Embedder {
    /// From a folder with config.json, tokenizer.json and model.safetensors, whose hash must be [`SHA256`].
    pub fn new(folder: impl AsRef<Path>) -> Result<Self, Error> {
        Self::with(folder, &Options::default())
    }

    /// As [`Embedder::new`], but by these options.
    pub fn with(folder: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let folder = Folder::new(folder.as_ref());
        let kernel = if options.portable { Kernel::portable() } else { Kernel::best() };
        let config = folder.config()?;
        let tokenizer =
            folder.tokenizer(config.vocab_size)?.limited(LIMIT.min(config.max_position_embeddings));
        let (mut weights, path) = folder.weights()?;
        if let Some(wanted) = options.sha256.as_ref().filter(|&wanted| *wanted != weights.sha256) {
            return Err(Error::OtherWeights { path, found: weights.sha256, wanted: wanted.clone() });
        }
        let name = if weights.sha256 == SHA256 { "all-MiniLM-L6-v2" } else { "bert-384" };
        let id = format!("{name}/sha256:{}", weights.sha256);
        let shared = Shared::take(id, tokenizer, kernel, &config, &mut weights);
        Ok(Self { shared: Arc::new(shared.map_err(|why| Error::Unsuitable { path, why })?) })
    }

    /// The most word pieces of a text, the two marks at begin and end included.
    pub fn limit(&self) -> usize {
        self.shared.tokenizer.limit()
    }

    /// What the arithmetic was compiled for: `avx2` or `portable`.
    pub fn kernel(&self) -> &'static str {
        self.shared.kernel.name()
    }

    /// How this model splits texts.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.shared.tokenizer
    }
}

impl Embed for Embedder {
    fn id(&self) -> &str {
        &self.shared.id
    }

    /// Errors: [`Error::TooLong`].
    fn embed(&self, text: &str, scratch: &mut Scratch) -> Result<Vector, Error> {
        self.shared.tokenizer.tokenize(text, &mut scratch.tokens)?;
        Ok(self.shared.forward(scratch))
    }
}

impl Shared {
    fn take(
        id: String,
        tokenizer: Tokenizer,
        kernel: Kernel,
        config: &crate::folder::Config,
        weights: &mut Weights,
    ) -> Result<Self, String> {
        let words = weights.take("embeddings.word_embeddings.weight", &[config.vocab_size, WIDTH])?;
        let mut positions = weights
            .take("embeddings.position_embeddings.weight", &[config.max_position_embeddings, WIDTH])?;
        let segments =
            weights.take("embeddings.token_type_embeddings.weight", &[config.type_vocab_size, WIDTH])?;
        for row in positions.chunks_exact_mut(WIDTH) {
            for (place, segment) in row.iter_mut().zip(&segments) {
                *place += segment;
            }
        }
        let norm = Scale::take(weights, "embeddings.LayerNorm", config.layer_norm_eps)?;
        let layers = (0..config.num_hidden_layers).map(|index| Layer::take(weights, index, config));
        Ok(Self { id, tokenizer, kernel, words, positions, norm, layers: layers.collect::<Result<_, _>>()? })
    }

    fn forward(&self, scratch: &mut Scratch) -> Vector {
        let widest = self.layers.iter().map(Layer::widest).max().unwrap_or(WIDTH);
        let head = self.layers.first().map_or(WIDTH, Layer::head);
        let (tokens, mut buffers) = scratch.buffers(widest, head);
        for (row, &token) in buffers.x.chunks_exact_mut(WIDTH).zip(tokens) {
            row.copy_from_slice(&self.words[token as usize * WIDTH..][..WIDTH]);
        }
        self.kernel.add_norm(buffers.x, &self.positions, &self.norm.norm());
        for layer in &self.layers {
            layer.forward(self.kernel, &mut buffers);
        }
        let mut vector = [0.0; WIDTH];
        for row in buffers.x.chunks_exact(WIDTH) {
            for (sum, value) in vector.iter_mut().zip(row) {
                *sum += value;
            }
        }
        normalise(&mut vector);
        vector
    }
}

/// Scales a vector to length one; one without any length stays as it is.
pub(crate) fn normalise(vector: &mut Vector) {
    let square: f32 = vector.iter().map(|value| value * value).sum();
    if square > 0.0 {
        let factor = 1.0 / square.sqrt();
        for value in vector {
            *value *= factor;
        }
    }
}
