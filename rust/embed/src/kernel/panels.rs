//! The right side of a product, laid out in the order in which it is read.

/// The columns of a panel: two vectors of AVX2.
pub(crate) const PANEL: usize = 16;

/// How much of the depth is done at a time: so much of a panel (12 KiB) stays in the first-level cache beside the rows.
pub(crate) const DEPTH: usize = 192;

/// A number of columns, rounded up to whole panels.
pub(crate) const fn padded(columns: usize) -> usize {
    columns.next_multiple_of(PANEL)
}

/// A matrix of `depth` rows in the order of use: for each [`DEPTH`] rows, panel by panel of [`PANEL`] columns, row by row.
///
/// Columns that fill the last panel up are zero.
#[derive(Debug)]
pub(crate) struct Panels {
    data: Vec<f32>,
    depth: usize,
}

impl Panels {
    /// From the transpose, as checkpoints have it: a row of `depth` numbers for each column.
    pub(crate) fn from_transposed(rows: &[f32], depth: usize) -> Self {
        let mut data = vec![0.0; padded(rows.len() / depth) * depth];
        pack_transposed(rows, depth, depth, &mut data);
        Self { data, depth }
    }

    pub(crate) fn data(&self) -> &[f32] {
        &self.data
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// Packs a matrix given by its transpose, whose rows of `depth` are `stride` apart. What fills up is left as it was.
pub(crate) fn pack_transposed(rows: &[f32], stride: usize, depth: usize, data: &mut [f32]) {
    let width = data.len() / depth;
    for (block, data) in data.chunks_mut(DEPTH * width).enumerate() {
        let depth = data.len() / width;
        let rows = &rows[block * DEPTH..];
        for (panel, rows) in data.chunks_exact_mut(PANEL * depth).zip(rows.chunks(PANEL * stride)) {
            for (column, row) in rows.chunks(stride).enumerate() {
                for (place, &value) in panel[column..].iter_mut().step_by(PANEL).zip(&row[..depth]) {
                    *place = value;
                }
            }
        }
    }
}

/// Packs a matrix of `depth` rows that begin `stride` apart, as many panels as `data` has room for.
pub(crate) fn pack(rows: &[f32], stride: usize, depth: usize, data: &mut [f32]) {
    let width = data.len() / depth;
    for (data, rows) in data.chunks_mut(DEPTH * width).zip(rows.chunks(DEPTH * stride)) {
        let depth = data.len() / width;
        for (index, panel) in data.chunks_exact_mut(PANEL * depth).enumerate() {
            for (place, row) in panel.as_chunks_mut::<PANEL>().0.iter_mut().zip(rows.chunks(stride)) {
                place.copy_from_slice(&row[index * PANEL..][..PANEL]);
            }
        }
    }
}
