//! A model of the right shape with invented weights, in a folder of its own: the same numbers as
//! `golden/make_vectors.py` invents.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrogate_embed::{Options, Vector, WIDTH};
use serde_json::{Value, json};

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Takes any weights.
pub(crate) fn options() -> Options {
    Options { sha256: None, portable: false }
}

/// Texts and their vectors.
pub(crate) fn vectors(name: &str) -> Vec<(String, Vector)> {
    let cases: Vec<(String, String)> =
        serde_json::from_slice(&fs::read(golden().join(name)).unwrap()).unwrap();
    let number =
        |digits: &[u8]| f32::from_bits(u32::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap());
    let vector = |digits: &str| {
        let numbers: Vec<f32> = digits.as_bytes().chunks(8).map(number).collect();
        Vector::try_from(numbers).unwrap()
    };
    cases.into_iter().map(|(text, digits)| (text, vector(&digits))).collect()
}

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tiny-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for name in ["config.json", "tokenizer.json"] {
            fs::copy(golden().join("tiny").join(name), folder.join(name)).unwrap();
        }
        fs::write(folder.join("model.safetensors"), weights()).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Changes one value of config.json.
    pub(crate) fn configure(&self, name: &str, value: Value) {
        let path = self.0.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[name] = value;
        fs::write(path, config.to_string()).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn weights() -> Vec<u8> {
    let config: Value =
        serde_json::from_slice(&fs::read(golden().join("tiny/config.json")).unwrap()).unwrap();
    let size = |name: &str| usize::try_from(config[name].as_u64().unwrap()).unwrap();
    let mut file = Writer { header: serde_json::Map::new(), data: Vec::new(), state: 1 };
    file.add("embeddings.word_embeddings.weight", &[size("vocab_size"), WIDTH], 1.0, 0.0);
    file.add("embeddings.position_embeddings.weight", &[size("max_position_embeddings"), WIDTH], 0.5, 0.0);
    file.add("embeddings.token_type_embeddings.weight", &[2, WIDTH], 0.5, 0.0);
    file.norm("embeddings");
    for index in 0..size("num_hidden_layers") {
        let name = format!("encoder.layer.{index}");
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            file.linear(&format!("{name}.attention.{part}"), WIDTH, WIDTH);
        }
        file.norm(&format!("{name}.attention.output"));
        file.linear(&format!("{name}.intermediate.dense"), size("intermediate_size"), WIDTH);
        file.linear(&format!("{name}.output.dense"), WIDTH, size("intermediate_size"));
        file.norm(&format!("{name}.output"));
    }
    let header = Value::Object(file.header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &file.data].concat()
}

struct Writer {
    header: serde_json::Map<String, Value>,
    data: Vec<u8>,
    state: u64,
}

impl Writer {
    fn add(&mut self, name: &str, shape: &[usize], spread: f32, middle: f32) {
        let from = self.data.len();
        for _ in 0..shape.iter().product() {
            let state = self.state.wrapping_mul(6_364_136_223_846_793_005);
            self.state = state.wrapping_add(1_442_695_040_888_963_407);
            #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
            let value = (self.state >> 40) as f32 / 16_777_216.0 - 0.5;
            self.data.extend((value * spread + middle).to_le_bytes());
        }
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [from, self.data.len()]});
        self.header.insert(name.to_owned(), entry);
    }

    fn linear(&mut self, name: &str, into: usize, depth: usize) {
        self.add(&format!("{name}.weight"), &[into, depth], 0.25, 0.0);
        self.add(&format!("{name}.bias"), &[into], 0.5, 0.0);
    }

    fn norm(&mut self, name: &str) {
        self.add(&format!("{name}.LayerNorm.weight"), &[WIDTH], 0.5, 1.0);
        self.add(&format!("{name}.LayerNorm.bias"), &[WIDTH], 0.5, 0.0);
    }
}
