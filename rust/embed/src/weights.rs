//! A safetensors file, read in one pass: each tensor is handed over as it comes, and all of it is hashed.
//!
//! The format is a length of eight bytes (little endian), a JSON header that names each tensor with its type, shape
//! and place, and the tensors.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::Error;

/// A header of a hundred tensors has ten thousand bytes.
const LARGEST_HEADER: u64 = 1 << 20;

/// All tensors of single precision by their names, and the file's SHA-256.
#[derive(Debug)]
pub(crate) struct Weights {
    tensors: BTreeMap<String, Tensor>,
    pub(crate) sha256: String,
}

#[derive(Debug)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl Weights {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
        let file = File::open(path).map_err(unreadable)?;
        Self::read_from(file).map_err(|cause| match cause.kind() {
            io::ErrorKind::InvalidData => Error::Unsuitable { path: path.to_owned(), why: cause.to_string() },
            _ => unreadable(cause),
        })
    }

    fn read_from(file: impl Read) -> io::Result<Self> {
        let mut file = Hashing { inner: file, hash: Sha256::new() };
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > LARGEST_HEADER {
            return Err(invalid("this is not a safetensors file: its header is too long"));
        }
        let mut header = Vec::new();
        (&mut file).take(length).read_to_end(&mut header)?;
        let mut header: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&header).map_err(invalid)?;
        header.remove("__metadata__");
        let mut entries = Vec::with_capacity(header.len());
        for (name, entry) in header {
            entries.push((name, Entry::deserialize(entry).map_err(invalid)?));
        }
        entries.sort_by_key(|(_, entry)| entry.data_offsets);
        let mut tensors = BTreeMap::new();
        let mut at = 0;
        for (name, entry) in entries {
            let (from, to) = entry.data_offsets;
            if from != at || to < from {
                return Err(invalid(format!("tensor {name} is not where the one in front of it ends")));
            }
            at = to;
            if entry.dtype != "F32" {
                io::copy(&mut (&mut file).take(to - from), &mut io::sink())?;
                continue;
            }
            let count = entry.shape.iter().try_fold(4_u64, |size, &side| size.checked_mul(side as u64));
            if count != Some(to - from) {
                return Err(invalid(format!("tensor {name} does not have the size that its shape says")));
            }
            let values = file.numbers(to - from)?;
            tensors.insert(name, Tensor { shape: entry.shape, values });
        }
        io::copy(&mut file, &mut io::sink())?;
        Ok(Self { tensors, sha256: hexadecimal(&file.hash.finalize()) })
    }

    /// Takes a tensor out, if it has this shape; else says what is wrong.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        match self.tensors.remove(name) {
            None => Err(format!("it has no tensor {name} of type F32")),
            Some(tensor) if tensor.shape != shape => {
                Err(format!("tensor {name} has shape {:?}, expected {shape:?}", tensor.shape))
            }
            Some(tensor) => Ok(tensor.values),
        }
    }
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    /// The next `bytes` as numbers of four bytes, a piece at a time: the file may be shorter than it says.
    fn numbers(&mut self, mut bytes: u64) -> io::Result<Vec<f32>> {
        let mut values = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        while bytes > 0 {
            let piece = usize::try_from(bytes).map_or(buffer.len(), |bytes| bytes.min(buffer.len()));
            let piece = &mut buffer[..piece];
            self.read_exact(piece)?;
            values.extend(piece.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
            bytes -= piece.len() as u64;
        }
        values.shrink_to_fit();
        Ok(values)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;
