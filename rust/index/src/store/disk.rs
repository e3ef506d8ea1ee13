//! The one place that touches files.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that grows at its end.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    end: u64,
}

impl Log {
    /// Opens what is there, to be read from its start, or makes an empty file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let end = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, end })
    }

    /// An empty file, whatever was there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut log = Self::open(path)?;
        log.cut(0)?;
        Ok(log)
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Reads on; 0 at the end.
    pub(super) fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.file.read(to)
    }

    /// Writes all behind the end, or leaves the end where it is.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Shortens the file.
    pub(super) fn cut(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.end = end;
        Ok(())
    }

    /// Comes back when a power cut can no longer take away what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Takes another file's name and place.
    pub(super) fn replace(&mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        path.clone_into(&mut self.path);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Gives a file another name, over whatever has it: its own and `suffix`.
pub(super) fn set_aside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let aside = beside(path, suffix);
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// A path with something appended.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
