//! What is read of a tokenizer.json.

use std::collections::HashMap;

use serde::Deserialize;

use super::pieces::Vocabulary;

#[derive(Debug, Deserialize)]
pub(crate) struct Description {
    added_tokens: Vec<Mark>,
    normalizer: Normalizer,
    pre_tokenizer: Kind,
    model: Model,
}

#[derive(Debug, Deserialize)]
struct Mark {
    id: u32,
    content: String,
}

#[derive(Debug, Deserialize)]
struct Normalizer {
    #[serde(rename = "type")]
    kind: String,
    clean_text: bool,
    handle_chinese_chars: bool,
    strip_accents: Option<bool>,
    lowercase: bool,
}

#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: HashMap<String, u32>,
}

impl Description {
    /// The pieces, if this is BERT's uncased way and its numbers are below the model's count.
    pub(super) fn vocabulary(&self, count: usize) -> Result<Vocabulary, String> {
        let (steps, model) = (&self.normalizer, &self.model);
        let normal = steps.kind == "BertNormalizer"
            && steps.clean_text
            && steps.handle_chinese_chars
            && steps.strip_accents != Some(false)
            && steps.lowercase;
        let pieces = model.kind == "WordPiece"
            && model.continuing_subword_prefix == "##"
            && model.max_input_chars_per_word == 100;
        if !normal || !pieces || self.pre_tokenizer.kind != "BertPreTokenizer" {
            return Err("only the tokenizer of BERT's uncased models is supported".to_owned());
        }
        let ids = model.vocab.values().chain(self.added_tokens.iter().map(|mark| &mark.id));
        if ids.max().is_none_or(|&id| id as usize >= count) {
            return Err(format!("its numbers do not fit the model's {count} pieces"));
        }
        let all = model.vocab.iter().map(|(piece, &id)| (piece.as_str(), id));
        Ok(Vocabulary::new(all, self.id(&model.unk_token)?))
    }

    /// The marks in front of a text and behind it.
    pub(super) fn ends(&self) -> Result<(u32, u32), String> {
        Ok((self.id("[CLS]")?, self.id("[SEP]")?))
    }

    /// Longer ones first, so that of two at one place the longer is found.
    pub(super) fn marks(&self) -> Vec<(String, u32)> {
        let mut marks: Vec<_> =
            self.added_tokens.iter().map(|mark| (mark.content.clone(), mark.id)).collect();
        marks.retain(|(content, _)| !content.is_empty());
        marks.sort_by_key(|(content, _)| std::cmp::Reverse(content.len()));
        marks
    }

    fn id(&self, piece: &str) -> Result<u32, String> {
        self.model.vocab.get(piece).copied().ok_or_else(|| format!("its vocabulary lacks {piece}"))
    }
}
