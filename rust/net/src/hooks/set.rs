//! The installed hooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::hook::{Hook, HookSpec};
use super::queue::Load;
use crate::observe::{HookFigures, HookReport};

/// Hooks by their number, and what was counted of each name.
#[derive(Default)]
pub(crate) struct Hooks {
    current: ArcSwap<BTreeMap<u64, Arc<Hook>>>,
    /// What the set before had, and this one has not: requests with an older snapshot may still ask for them.
    leaving: Mutex<Vec<Arc<Hook>>>,
    /// Counters never go back, so a name keeps its own over a reload.
    figures: Mutex<BTreeMap<Box<str>, Arc<HookFigures>>>,
}

impl Hooks {
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Hook>> {
        self.current.load().get(&id).map(Arc::clone)
    }

    /// Puts a set in the place of the one before, of which a hook is found until the next set but one.
    pub(crate) fn install(&self, specs: Vec<HookSpec>) {
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current.load_full();
        let mut next = BTreeMap::new();
        for spec in specs {
            let known = before.get(&spec.id).map(Arc::clone);
            let hook = known.unwrap_or_else(|| {
                let figures = self.figures_of(&spec.name);
                Arc::new(Hook::new(spec, figures))
            });
            next.insert(hook.id, hook);
        }
        let gone: Vec<_> = std::mem::take(&mut *leaving);
        gone.iter().filter(|hook| !next.contains_key(&hook.id)).for_each(|hook| hook.close());
        let was_gone = |id: u64| gone.iter().any(|hook| hook.id == id);
        *leaving = before
            .values()
            .filter(|hook| !next.contains_key(&hook.id) && !was_gone(hook.id))
            .cloned()
            .collect();
        next.extend(leaving.iter().map(|hook| (hook.id, Arc::clone(hook))));
        self.current.store(Arc::new(next));
    }

    fn figures_of(&self, name: &str) -> Arc<HookFigures> {
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(figures.entry(name.into()).or_default())
    }

    /// What was counted, by name, and how much there is to do right now.
    pub(crate) fn report(&self) -> Vec<HookReport> {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load();
        let load = |name: &str| {
            let loads = current.values().filter(|hook| *hook.name == *name).map(|hook| hook.jobs.load());
            loads.fold(Load::default(), |all, one| Load {
                outstanding: all.outstanding + one.outstanding,
                threads: all.threads + one.threads,
                late: all.late + one.late,
            })
        };
        let reports = figures.iter().map(|(name, known)| {
            let Load { outstanding, threads, late } = load(name);
            HookReport { name: name.clone(), figures: Arc::clone(known), outstanding, threads, late }
        });
        reports.collect()
    }

    /// Ends all threads.
    pub(crate) fn close(&self) {
        self.current.load().values().for_each(|hook| hook.close());
    }

    /// Threads that run code or wait for it.
    pub(crate) fn threads(&self) -> usize {
        let loads = self.current.load();
        loads.values().map(|hook| hook.jobs.load()).map(|load| load.threads + load.late).sum()
    }
}
