//! Reading the log into memory, at start.

use std::io;
use std::path::{Path, PathBuf};

use ferrogate_changelog::Reading;

use crate::index::Tuning;
use crate::partitions::Partitions;
use crate::vector::Vector;

use super::Model;
use super::record::{self, Record};

/// What was found at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Vectors that can be found.
    pub entries: usize,
    /// Bytes behind the last whole record, which were cut off: what a crash left of a write.
    pub torn: u64,
    /// Bytes between whole records, which were passed over: damage.
    pub damaged: u64,
    /// Where a log of another model, or one without a readable head, has been put. It was not read.
    pub aside: Option<PathBuf>,
}

pub(super) fn load(path: &Path, model: &Model, tuning: Tuning) -> io::Result<(Reading, Partitions, Opened)> {
    let partitions = Partitions::new(model.dimensions, tuning);
    let mut reading = Reading::open(path, record::head(model))?;
    let scanned = reading.scan(
        |bytes| record::span(bytes, model.dimensions),
        |_, bytes| match record::read(bytes) {
            Some(Record::Insert(scope, id, unit)) => {
                partitions.put(&scope, id, &Vector::of_unit(unit), || ());
            }
            Some(Record::Remove(scope, id)) => drop(partitions.take(&scope, id, || ())),
            Some(Record::Clear(scope)) => drop(partitions.drop_scope(&scope, || ())),
            None => (),
        },
    )?;
    let opened = Opened {
        entries: partitions.len(),
        torn: scanned.torn,
        damaged: scanned.damaged,
        aside: reading.aside().map(Path::to_owned),
    };
    Ok((reading, partitions, opened))
}
