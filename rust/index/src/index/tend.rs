//! The work that changes leave behind: bringing new vectors into the graph, taking removed ones out of it. Searches are
//! right without it, and slower: what is not in the graph yet is scanned.

use std::collections::HashMap;
use std::sync::PoisonError;

use crate::graph::{Graph, Pass};
use crate::rows::{Rows, State};
use crate::vector::{Code, Vector};

use super::search::SCRATCH;
use super::{Body, Index};

/// Slots that one step of a pass looks at: together they take as long as linking one.
const MENDED: u32 = 8;
/// Slots that one step frees.
const FREED: usize = 64;
/// A pass begins when one linked slot in so many is dead.
const DEAD_SHARE: usize = 8;

impl Index {
    /// Whether [`Index::tend`] has anything to do.
    pub fn untended(&self) -> bool {
        self.body().untended(self.tuning.scan_up_to)
    }

    /// Does one step of the work that is left, which takes well under a millisecond on most; whether there is more. Two
    /// threads that tend take turns.
    pub fn tend(&self) -> bool {
        let mut tending = self.tending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pass) = &mut *tending {
            if !self.mend(pass) {
                *tending = None;
            }
        } else if self.body().sparse(self.tuning.scan_up_to) {
            self.without_graph();
        } else if !self.link() {
            let mut body = self.body_mut();
            let Body { rows, graph } = &mut *body;
            *tending = graph.as_mut().filter(|graph| crowded(rows, graph)).map(Graph::begin);
        }
        tending.is_some() || self.untended()
    }

    /// Brings the first that waits into the graph; false where none does.
    fn link(&self) -> bool {
        let body = self.body();
        let Some((graph, slot)) = body.graph.as_ref().and_then(|graph| Some((graph, graph.next_waiting()?)))
        else {
            return false;
        };
        let lost = body.rows.state(slot) != State::Waiting;
        let plan =
            (!lost).then(|| SCRATCH.with_borrow_mut(|(scratch, _)| graph.plan(&body.rows, slot, scratch)));
        drop(body);
        let mut body = self.body_mut();
        let Body { rows, graph: Some(graph) } = &mut *body else { return false };
        graph.depart();
        match plan {
            Some(plan) if rows.state(slot) == State::Waiting => graph.apply(rows, &plan),
            _ => rows.release(slot),
        }
        true
    }

    /// One step of a pass; false when it is over.
    fn mend(&self, pass: &mut Pass) -> bool {
        let body = self.body();
        let plan = body.graph.as_ref().and_then(|graph| graph.mend(&body.rows, pass, MENDED));
        drop(body);
        let mut body = self.body_mut();
        let Body { rows, graph: Some(graph) } = &mut *body else { return false };
        if let Some(plan) = plan {
            graph.apply(rows, &plan);
            return true;
        }
        graph.finish(rows, pass, FREED)
    }

    /// Goes back to scanning. The vectors are copied beside the old ones, so that searches go on.
    fn without_graph(&self) {
        let mut ledger = self.ledger();
        let old = self.body();
        let mut rows = Rows::new(self.dimensions, self.kernel);
        let mut slots = HashMap::with_capacity(ledger.len());
        for (&id, &slot) in &*ledger {
            let code = Code { lines: old.rows.code(slot).to_vec(), scale: old.rows.scale(slot) };
            let vector = Vector { unit: old.rows.unit(slot).to_vec(), code };
            slots.insert(id, rows.put(id, &vector));
        }
        drop(old);
        let old = std::mem::replace(&mut *self.body_mut(), Body { rows, graph: None });
        *ledger = slots;
        drop(ledger);
        drop(old);
    }
}

impl Body {
    fn untended(&self, scan_up_to: usize) -> bool {
        self.graph.as_ref().is_some_and(|graph| graph.waits() > 0 || crowded(&self.rows, graph))
            || self.sparse(scan_up_to)
    }

    /// Whether a graph is no longer worth having.
    fn sparse(&self, scan_up_to: usize) -> bool {
        self.graph.is_some() && self.rows.alive() < scan_up_to / 4
    }
}

fn crowded(rows: &Rows, graph: &Graph) -> bool {
    graph.buried() > 0 && graph.buried() * DEAD_SHARE >= rows.alive()
}
