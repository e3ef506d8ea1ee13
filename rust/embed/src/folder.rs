//! The folder of a model as it is published: config.json, tokenizer.json, model.safetensors.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::tokenizer::Tokenizer;
use crate::weights::Weights;
use crate::{Error, WIDTH};

/// The SHA-256 of all-MiniLM-L6-v2's model.safetensors.
pub const SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// What is read of config.json.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) vocab_size: usize,
    pub(crate) type_vocab_size: usize,
    pub(crate) layer_norm_eps: f32,
    hidden_act: String,
    model_type: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

impl Config {
    /// Why this is not a model that is built here, if it is not.
    fn unsuitable(&self) -> Option<String> {
        let absolute = self.position_embedding_type.as_deref().is_none_or(|kind| kind == "absolute");
        if self.model_type != "bert" || self.hidden_act != "gelu" || !absolute {
            return Some("only BERT with gelu and absolute positions is supported".to_owned());
        }
        if self.hidden_size != WIDTH {
            return Some(format!("hidden_size is {}, expected {WIDTH}", self.hidden_size));
        }
        let heads = self.num_attention_heads;
        let even =
            heads > 0 && (WIDTH / heads).is_multiple_of(crate::kernel::PANEL) && WIDTH.is_multiple_of(heads);
        (!even || !self.intermediate_size.is_multiple_of(crate::kernel::PANEL))
            .then(|| "the sizes of a head and of the inner layer must be multiples of 16".to_owned())
    }
}

/// The three files, open one after the other.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn config(&self) -> Result<Config, Error> {
        let config: Config = self.json("config.json")?;
        match config.unsuitable() {
            Some(why) => Err(Error::Unsuitable { path: self.path.join("config.json"), why }),
            None => Ok(config),
        }
    }

    pub(crate) fn tokenizer(&self, vocabulary: usize) -> Result<Tokenizer, Error> {
        let path = self.path.join("tokenizer.json");
        Tokenizer::from_description(&self.json("tokenizer.json")?, vocabulary)
            .map_err(|why| Error::Unsuitable { path, why })
    }

    /// The weights, and where they are, for errors.
    pub(crate) fn weights(&self) -> Result<(Weights, PathBuf), Error> {
        let path = self.path.join("model.safetensors");
        Ok((Weights::read(&path)?, path))
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Err(cause) => Err(Error::Unreadable { path, cause }),
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|cause| Error::Unsuitable { path, why: cause.to_string() }),
        }
    }
}
