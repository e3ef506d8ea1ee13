//! Where vectors lie: numbered slots in chunks of 256, so that growing never moves what is there and takes a bounded
//! time. The first chunk grows with its content: a partition of five entries costs little more than its vectors.

use crate::dot::{Kernel, Line, prefetch};
use crate::vector::{Vector, cosine};

/// Slots of a chunk.
pub(crate) const CHUNK: usize = 256;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing; it may be taken.
    Free,
    /// A vector that is found by the scan alone.
    Waiting,
    /// One that was removed before it came into the graph.
    Lost,
    /// One that the graph leads to.
    Linked,
    /// One that was removed and that the graph still leads over.
    Dead,
}

impl State {
    pub(crate) fn alive(self) -> bool {
        matches!(self, Self::Waiting | Self::Linked)
    }
}

#[derive(Debug, Default)]
struct Chunk {
    codes: Vec<Line>,
    units: Vec<f32>,
    scales: Vec<f32>,
    ids: Vec<u64>,
    states: Vec<State>,
    taken: usize,
}

/// All vectors of a partition.
#[derive(Debug)]
pub(crate) struct Rows {
    dimensions: usize,
    lines: usize,
    kernel: Kernel,
    chunks: Vec<Chunk>,
    slots: u32,
    free: Vec<u32>,
    alive: usize,
}

impl Rows {
    pub(crate) fn new(dimensions: usize, kernel: Kernel) -> Self {
        let lines = dimensions.div_ceil(crate::dot::LINE);
        Self { dimensions, lines, kernel, chunks: Vec::new(), slots: 0, free: Vec::new(), alive: 0 }
    }

    /// How many slots there are, free ones too.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// How many vectors can be found.
    pub(crate) fn alive(&self) -> usize {
        self.alive
    }

    pub(crate) fn bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Chunk::bytes).sum();
        chunks + self.chunks.capacity() * size_of::<Chunk>() + self.free.capacity() * size_of::<u32>()
    }

    /// Takes a slot, a free one first.
    pub(crate) fn put(&mut self, id: u64, vector: &Vector) -> u32 {
        let slot = if let Some(slot) = self.free.pop() { slot } else { self.new_slot() };
        let (chunk, _) = place(slot);
        if self.chunks[chunk].states.is_empty() {
            self.chunks[chunk].resize(CHUNK, self.lines, self.dimensions);
        }
        self.chunks[chunk].taken += 1;
        self.alive += 1;
        self.write(slot, id, &vector.code.lines, vector.code.scale, &vector.unit);
        slot
    }

    fn write(&mut self, slot: u32, id: u64, code: &[Line], scale: f32, unit: &[f32]) {
        let (chunk, at) = place(slot);
        let chunk = &mut self.chunks[chunk];
        chunk.codes[at * self.lines..(at + 1) * self.lines].copy_from_slice(code);
        chunk.units[at * self.dimensions..(at + 1) * self.dimensions].copy_from_slice(unit);
        (chunk.scales[at], chunk.ids[at], chunk.states[at]) = (scale, id, State::Waiting);
    }

    fn new_slot(&mut self) -> u32 {
        let slot = self.slots;
        let (chunk, at) = place(slot);
        if at == 0 {
            self.chunks.push(Chunk::default());
        }
        let first = chunk == 0;
        let chunk = &mut self.chunks[chunk];
        if at == chunk.scales.capacity() {
            // A quarter more each time: what is moved is at most one chunk.
            let more = if first { (at / 4).clamp(1, CHUNK - at) } else { CHUNK };
            chunk.reserve(more, self.lines, self.dimensions);
        }
        chunk.resize(at + 1, self.lines, self.dimensions);
        self.slots += 1;
        slot
    }

    /// Gives back a slot whose vector was removed, and its chunk's memory where it was the last one taken.
    pub(crate) fn release(&mut self, slot: u32) {
        let (chunk, at) = place(slot);
        let chunk = &mut self.chunks[chunk];
        chunk.states[at] = State::Free;
        chunk.taken -= 1;
        if chunk.taken == 0 && chunk.states.len() == CHUNK {
            *chunk = Chunk::default();
        }
        self.free.push(slot);
    }

    /// Takes a slot out by moving the last one into it; returns the id that moved. Only without a graph, where no slot
    /// is free.
    pub(crate) fn close_gap(&mut self, slot: u32) -> Option<u64> {
        let last = self.slots - 1;
        let moved = (slot != last).then(|| {
            let (code, unit) = (self.code(last).to_vec(), self.unit(last).to_vec());
            let id = self.id(last);
            self.write(slot, id, &code, self.scale(last), &unit);
            id
        });
        let (at, left) = place(last);
        let chunk = &mut self.chunks[at];
        chunk.taken -= 1;
        chunk.resize(left, self.lines, self.dimensions);
        if left == 0 {
            self.chunks.pop();
        } else if at == 0 && left * 2 < chunk.scales.capacity() {
            chunk.shrink();
        }
        self.slots = last;
        self.alive -= 1;
        moved
    }

    pub(crate) fn state(&self, slot: u32) -> State {
        let (chunk, at) = place(slot);
        self.chunks[chunk].states.get(at).copied().unwrap_or(State::Free)
    }

    pub(crate) fn set_state(&mut self, slot: u32, state: State) {
        let (chunk, at) = place(slot);
        let old = std::mem::replace(&mut self.chunks[chunk].states[at], state);
        self.alive = self.alive + usize::from(state.alive()) - usize::from(old.alive());
    }

    pub(crate) fn id(&self, slot: u32) -> u64 {
        let (chunk, at) = place(slot);
        self.chunks[chunk].ids[at]
    }

    pub(crate) fn unit(&self, slot: u32) -> &[f32] {
        let (chunk, at) = place(slot);
        &self.chunks[chunk].units[at * self.dimensions..(at + 1) * self.dimensions]
    }

    #[inline]
    pub(crate) fn code(&self, slot: u32) -> &[Line] {
        let (chunk, at) = place(slot);
        &self.chunks[chunk].codes[at * self.lines..(at + 1) * self.lines]
    }

    #[inline]
    pub(crate) fn scale(&self, slot: u32) -> f32 {
        let (chunk, at) = place(slot);
        self.chunks[chunk].scales[at]
    }

    /// Nearly the cosine to a slot, but for a factor that is the same for all slots: the query's own scale.
    #[inline]
    pub(crate) fn roughly(&self, query: &[Line], slot: u32) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "it is rough")]
        let product = (self.kernel.one)(query, self.code(slot)) as f32;
        product * self.scale(slot)
    }

    /// The cosine to a slot.
    pub(crate) fn exactly(&self, unit: &[f32], slot: u32) -> f32 {
        cosine(unit, self.unit(slot))
    }

    #[inline]
    pub(crate) fn expect(&self, slot: u32) {
        prefetch(self.code(slot));
    }

    /// Calls back with every slot and what [`Rows::roughly`] says of it. Only without a graph, where no chunk is empty.
    pub(crate) fn scan(&self, query: &[Line], mut each: impl FnMut(u32, f32)) {
        let mut products = [0; CHUNK];
        let mut slot = 0;
        for chunk in &self.chunks {
            let products = &mut products[..chunk.scales.len()];
            (self.kernel.many)(query, &chunk.codes, products);
            for (product, scale) in products.iter().zip(&chunk.scales) {
                #[expect(clippy::cast_precision_loss, reason = "it is rough")]
                each(slot, *product as f32 * scale);
                slot += 1;
            }
        }
    }
}

impl Chunk {
    fn resize(&mut self, slots: usize, lines: usize, dimensions: usize) {
        self.codes.resize(slots * lines, Line::default());
        self.units.resize(slots * dimensions, 0.0);
        self.scales.resize(slots, 0.0);
        self.ids.resize(slots, 0);
        self.states.resize(slots, State::Free);
    }

    fn reserve(&mut self, more: usize, lines: usize, dimensions: usize) {
        self.codes.reserve_exact(more * lines);
        self.units.reserve_exact(more * dimensions);
        self.scales.reserve_exact(more);
        self.ids.reserve_exact(more);
        self.states.reserve_exact(more);
    }

    fn shrink(&mut self) {
        self.codes.shrink_to_fit();
        self.units.shrink_to_fit();
        self.scales.shrink_to_fit();
        self.ids.shrink_to_fit();
        self.states.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        self.codes.capacity() * size_of::<Line>()
            + self.units.capacity() * size_of::<f32>()
            + self.scales.capacity() * size_of::<f32>()
            + self.ids.capacity() * size_of::<u64>()
            + self.states.capacity()
    }
}

#[inline]
fn place(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}
