//! The one place that touches files. They are for their owner's eyes only.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file that grows at its end.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    end: u64,
}

impl Log {
    /// Opens what is there, or makes an empty file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let end = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, end })
    }

    /// A new file, whatever was there.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { path: path.to_owned(), file, end: 0 })
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Reads on from here.
    pub(crate) fn seek(&mut self, place: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(place)).map(|_| ())
    }

    /// Reads on; 0 at the end.
    pub(crate) fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.file.read(to)
    }

    /// Writes all behind the end, or leaves the end where it is.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seek(self.end)?;
        if let Err(error) = self.file.write_all(bytes) {
            // On a full disk the part that was written is better given back.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Shortens the file.
    pub(crate) fn cut(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.end = end;
        Ok(())
    }

    /// Comes back when a power cut can no longer take away what was written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Takes another file's name and place.
    pub(crate) fn replace(&mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        path.clone_into(&mut self.path);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Opens a file to read and write, and makes it, and its folder, where they are missing.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().ok_or(error)?;
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            options.open(path)
        }
        opened => opened,
    }
}

/// Gives a file another name, over whatever has it: its own and `suffix`.
pub(crate) fn set_aside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let aside = beside(path, suffix);
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Takes a file away that is of no use any more.
pub(crate) fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// A path with something appended.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
