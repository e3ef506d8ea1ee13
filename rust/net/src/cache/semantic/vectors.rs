//! Where vectors are: in a file, so that a start finds them again, or in memory alone.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ferrogate_core::cache::key::Scope;
use ferrogate_index::{Hit, Model, Partitions, Store, Tuning};

/// Steps of building a graph between two looks at whether to end.
const STEPS: usize = 64;

/// The vectors of one model. A provider's says only with its first vector how long they are.
pub(super) struct Vectors {
    /// The model and all that changes its vectors.
    model: String,
    path: Option<PathBuf>,
    kept: OnceLock<Kept>,
}

enum Kept {
    InMemory(Partitions),
    InFile(Store),
}

impl Vectors {
    /// In memory where there is no folder. Each model has a file of its own there.
    pub(super) fn new(model: String, folder: Option<&Path>) -> Self {
        let path = folder.map(|folder| folder.join(file_name(&model)));
        Self { model, path, kept: OnceLock::new() }
    }

    /// Reads the file, where it is known that vectors are so long.
    pub(super) fn open(self, dimensions: Option<usize>) -> Self {
        if let Some(dimensions) = dimensions {
            self.kept(dimensions);
        }
        self
    }

    fn kept(&self, dimensions: usize) -> &Kept {
        self.kept.get_or_init(|| {
            let file = self.path.as_deref().map(|path| self.file(path, dimensions));
            match file {
                Some(Ok(store)) => Kept::InFile(store),
                // Another process has it, or the disk refuses: what is learned is lost at the end.
                Some(Err(_)) | None => Kept::InMemory(Partitions::new(dimensions, Tuning::default())),
            }
        })
    }

    fn file(&self, path: &Path, dimensions: usize) -> io::Result<Store> {
        // The name says all: it has the hash of the weights in it.
        let model = Model { name: self.model.clone(), sha256: [0; 32], dimensions };
        let (store, opened) = Store::open(path, &model, Tuning::default())?;
        if let Some(aside) = opened.aside {
            let _ = std::fs::remove_file(aside);
        }
        forget_others(path);
        Ok(store)
    }

    /// Whether they are where they were to be.
    pub(super) fn is_in_place(&self) -> bool {
        self.path.is_none() || !matches!(self.kept.get(), Some(Kept::InMemory(_)))
    }

    /// The nearest of a scope, the best first. A vector of zeros, which a text without words has, is near to nothing.
    pub(super) fn search(&self, scope: &Scope, vector: &[f32], count: usize) -> Vec<Hit> {
        let scope = of(scope);
        let found = match self.kept(vector.len()) {
            Kept::InMemory(vectors) => vectors.search(&scope, vector, count, |_| true),
            Kept::InFile(vectors) => vectors.search(&scope, vector, count, |_| true),
        };
        found.unwrap_or_default()
    }

    /// False where the vector is none, or none of this model's.
    pub(super) fn insert(&self, scope: &Scope, id: u64, vector: &[f32]) -> bool {
        let scope = of(scope);
        let inserted = match self.kept(vector.len()) {
            Kept::InMemory(vectors) => vectors.insert(&scope, id, vector),
            Kept::InFile(vectors) => vectors.insert(&scope, id, vector),
        };
        inserted.is_ok()
    }

    pub(super) fn remove(&self, scope: &Scope, id: u64) {
        self.remove_of(&of(scope), id);
    }

    /// Takes out all that `known` says false of.
    pub(super) fn retain(&self, known: impl Fn(u64) -> bool) {
        let ids = match self.kept.get() {
            Some(Kept::InMemory(vectors)) => vectors.ids(),
            Some(Kept::InFile(vectors)) => vectors.ids(),
            None => Vec::new(),
        };
        for (scope, id) in ids.into_iter().filter(|(_, id)| !known(*id)) {
            self.remove_of(&scope, id);
        }
    }

    fn remove_of(&self, scope: &ferrogate_index::Scope, id: u64) {
        match self.kept.get() {
            Some(Kept::InMemory(vectors)) => vectors.remove(scope, id),
            Some(Kept::InFile(vectors)) => vectors.remove(scope, id),
            None => false,
        };
    }

    /// A few steps of building graphs; whether there are more. A file has a thread for that.
    pub(super) fn tend(&self) -> bool {
        matches!(self.kept.get(), Some(Kept::InMemory(vectors)) if vectors.tend(STEPS))
    }

    /// How many there are, and the memory that they take.
    pub(super) fn size(&self) -> (usize, usize) {
        match self.kept.get() {
            Some(Kept::InMemory(vectors)) => (vectors.len(), vectors.bytes()),
            Some(Kept::InFile(vectors)) => (vectors.len(), vectors.bytes()),
            None => (0, 0),
        }
    }
}

const PREFIX: &str = "vectors-";

fn file_name(model: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let name: String = model.chars().map(plain).take(96).collect();
    format!("{PREFIX}{name}.log")
}

/// Removes the vectors of other models: nobody reads them again.
fn forget_others(path: &Path) {
    let Some(files) = path.parent().and_then(|folder| std::fs::read_dir(folder).ok()) else { return };
    let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for file in files.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && !name.starts_with(&own) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

fn of(scope: &Scope) -> ferrogate_index::Scope {
    ferrogate_index::Scope(*scope.as_bytes())
}
